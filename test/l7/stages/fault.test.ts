import { connect } from 'node:net'
import t from 'tap'
import { backend, lbOf } from './serve.ts'

t.test('requests are delayed and failed by chance', async (t) => {
  const port = await backend(t, (_request, response) => void response.end('fine'))
  const pools = { pools: { web: { backends: [`127.0.0.1:${port}`] } } }
  const one = (fault: object) => lbOf(t, { fault, pool: 'web' }, pools)
  const failing = await one({ abort: { percent: 100, status: 502 } })
  const answer = await fetch(failing)
  t.equal(answer.status, 502)
  t.equal(await answer.text(), 'fault injected (LB_FAULT)\n')

  const slow = await one({ delay: { percent: 100, time: '100ms' }, abort: { percent: 0 } })
  const begun = performance.now()
  t.equal(await (await fetch(slow)).text(), 'fine')
  t.ok(performance.now() - begun >= 95, 'after the delay')
  const impatient = fetch(slow, { signal: AbortSignal.timeout(20) })
  await t.rejects(impatient, 'a client that leaves meanwhile')

  const some = await one({ abort: { percent: 30 } })
  let failed = 0
  for (let i = 0; i < 400; i++) {
    const { status, body } = await fetch(some)
    await body?.cancel()
    if (status === 503) failed++
  }
  t.ok(failed > 70 && failed < 170, `${failed} of 400 at 30 %`)
  t.equal((await fetch(await one({ delay: { percent: 0, time: '10s' } }))).status, 200)
})

t.test('a fault is answered as any other error of lb, with the status that is asked for', async (t) => {
  const fault = (status: number) => ({ abort: { percent: 100, status } })
  const url = await lbOf(t, {
    errorPages: { 404: { body: '<p>{status} {reason} {requestId}</p>', type: 'text/html' } },
    securityHeaders: true,
    cors: { origins: 'https://a.test' },
    routes: [404, 405, 418, 429, 503, 599].map((status) => ({
      match: { path: `/${status}` },
      fault: fault(status),
      respond: { body: 'fine' }
    }))
  })
  const ask = async (status: number, accept: string) => {
    const response = await fetch(`${url}/${status}`, { headers: { accept, origin: 'https://a.test' } })
    t.equal(response.status, status, accept)
    t.equal(response.headers.get('access-control-allow-origin'), 'https://a.test')
    t.equal(response.headers.get('x-content-type-options'), 'nosniff')
    t.equal(response.headers.get('cache-control'), 'no-store')
    t.match(response.headers.get('proxy-status'), 'details="LB_FAULT"')
    const id = response.headers.get('x-request-id')!
    t.match(id, /^[\w-]{16,}$/)
    return { id, text: await response.text(), headers: response.headers }
  }
  for (const status of [405, 418, 429, 503, 599]) {
    const json = await ask(status, 'application/json')
    t.equal(json.headers.get('content-type'), 'application/json')
    const error = { code: 'LB_FAULT', message: 'fault injected', requestId: json.id }
    t.same(JSON.parse(json.text), { error })
    const problem = await ask(status, 'application/problem+json')
    t.equal(problem.headers.get('content-type'), 'application/problem+json')
    t.match(JSON.parse(problem.text), { status, code: 'LB_FAULT', requestId: problem.id })
    const page = await ask(status, 'text/html')
    t.match(page.text, /^<!doctype html>/i)
    t.ok(page.text.includes(page.id) && page.text.includes(String(status)), 'the built-in page')
    t.equal((await ask(status, '*/*')).text, 'fault injected (LB_FAULT)\n')
  }
  t.match((await ask(405, '*/*')).headers.get('allow'), 'GET, HEAD')
  const named = await ask(404, 'text/html')
  t.equal(named.text, `<p>404 Not Found ${named.id}</p>`)
})

t.test('an error in gRPC over HTTP/1.1 ends once', async (t) => {
  const url = new URL(
    await lbOf(t, {
      grpcWeb: true,
      fault: { abort: { percent: 100, status: 503 } },
      routes: [{ match: {}, respond: {} }]
    })
  )
  for (const type of ['application/grpc', 'application/grpc-web+proto', 'application/grpc-web-text']) {
    const socket = connect(Number(url.port), url.hostname).setEncoding('latin1')
    const body = '\0\0\0\0\0'
    socket.write(
      `POST / HTTP/1.1\r\nHost: a\r\nContent-Type: ${type}\r\nContent-Length: 5\r\nConnection: close\r\n\r\n${body}`
    )
    let text = ''
    for await (const part of socket) text += String(part)
    t.match(text, /\r\ngrpc-status: 14\r\n/)
    t.equal(text.slice(text.indexOf('\r\n\r\n') + 4), '0\r\n\r\n', type)
  }
})
