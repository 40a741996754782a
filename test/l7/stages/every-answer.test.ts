import t from 'tap'
import { GO_ON, WAITS } from '../../../src/l7/stages/verdict.ts'
import { once } from 'node:events'
import { connect, type IncomingHttpHeaders } from 'node:http2'
import { addStage } from './with-stage.ts'
import { backend, lbOf } from './serve.ts'

t.setTimeout(120_000)

t.test('CORS, security headers and Vary stand on every kind of answer, over HTTP/2 too', async (t) => {
  const port = await backend(t, (request, response) => {
    if (request.headers['if-none-match'] === '"a"') return void response.writeHead(304, { ETag: '"a"' }).end()
    response.writeHead(200, { 'Content-Type': 'text/plain', 'Cache-Control': 'max-age=60', ETag: '"a"' })
    response.end('x'.repeat(3000))
  })
  const url = await lbOf(
    t,
    {
      protocols: ['h2', 'http/1.1'],
      securityHeaders: true,
      compress: true,
      errorPages: true,
      csrf: true,
      cors: { origins: ['https://a.test'], methods: ['GET', 'PUT'], credentials: true },
      routes: [
        { match: { pathPrefix: '/cached' }, pool: 'web', cache: { store: 'main' } },
        { match: { path: '/moved' }, redirect: { to: 'https://b.test/' } },
        { match: { path: '/own' }, respond: { status: 200, body: 'hi' } },
        { match: { path: '/limited' }, pool: 'web', rateLimit: { requests: 1, per: '1h' } },
        { match: { path: '/dead' }, pool: 'dead' },
        { match: {}, pool: 'web' }
      ]
    },
    {
      pools: {
        web: { backends: [`127.0.0.1:${port}`] },
        dead: { backends: ['127.0.0.1:1'], retry: false }
      },
      caches: { main: { maxBytes: '16mb' } }
    }
  )
  const session = connect(url)
  session.on('error', () => {})
  t.teardown(() => session.destroy())
  const overHttp2 = async (method: string, path: string, fields: Record<string, string>) => {
    const stream = session.request({ ':method': method, ':path': path, ...fields })
    stream.end()
    const [head] = (await once(stream, 'response')) as [IncomingHttpHeaders]
    stream.resume()
    await once(stream, 'close')
    return (name: string) => head[name === 'status' ? ':status' : name]
  }
  const overHttp1 = async (method: string, path: string, fields: Record<string, string>) => {
    const answer = await fetch(url + path, { method, headers: fields, redirect: 'manual' })
    await answer.arrayBuffer()
    return (name: string) => (name === 'status' ? answer.status : (answer.headers.get(name) ?? undefined))
  }
  const gzip = { 'accept-encoding': 'gzip' }
  const answers: [status: number, method: string, path: string, fields: Record<string, string>][] = [
    [200, 'GET', '/cached', {}],
    [200, 'GET', '/cached', gzip],
    [200, 'HEAD', '/cached', gzip],
    [304, 'GET', '/cached', { 'if-none-match': '"a"' }],
    [304, 'GET', '/plain', { 'if-none-match': '"a"' }],
    [206, 'GET', '/cached', { range: 'bytes=0-3' }],
    [416, 'GET', '/cached', { range: 'bytes=9999-' }],
    [302, 'GET', '/moved', {}],
    [200, 'GET', '/own', {}],
    [429, 'GET', '/limited', {}],
    [502, 'GET', '/dead', {}],
    [400, 'GET', '/%zz', {}],
    [403, 'POST', '/cached', { 'sec-fetch-site': 'cross-site' }],
    [204, 'OPTIONS', '/cached', { 'access-control-request-method': 'PUT' }]
  ]
  await overHttp1('GET', '/limited', {})
  for (const [version, ask] of [
    ['1.1', overHttp1],
    ['2', overHttp2]
  ] as const) {
    for (const [status, method, path, fields] of answers) {
      const name = `${method} ${path} ${status} over HTTP/${version}`
      // fetch writes Sec-Fetch-* itself; an origin that is not trusted says the same.
      const origin = status === 403 ? 'https://evil.test' : 'https://a.test'
      const of = await ask(method, path, { ...fields, origin })
      t.equal(of('status'), status, name)
      t.equal(of('x-content-type-options'), 'nosniff', name)
      t.equal(of('access-control-allow-origin'), status === 403 ? undefined : origin, name)
      t.equal(of('access-control-allow-credentials'), status === 403 ? undefined : 'true', name)
      t.match(of('vary'), /\bOrigin\b/, name)
      if (status === 429)
        t.match([of('ratelimit'), of('retry-after')], [/^"default";r=0;t=\d+$/, /^\d+$/], name)
    }
  }
})

t.test('what is told of a fault has the fields of any other answer, where they are not its cause', async (t) => {
  const broken = (request: { path: string }, where: string): void => {
    if (request.path === where) throw new Error('broken on purpose')
  }
  t.teardown(
    addStage(() => ({
      name: 'test',
      request(exchange) {
        broken(exchange, '/asked')
        if (exchange.path !== '/later') return GO_ON
        const wait = exchange.wait(30_000, () => GO_ON)
        setImmediate(() => wait.resume(() => broken({ path: '/' }, '/') as never))
        return WAITS
      },
      forward: (exchange) => broken(exchange, '/sent'),
      response: (exchange) => broken(exchange, '/answered')
    }))
  )
  const port = await backend(t, (_request, response) => response.end('fine'))
  const url = await lbOf(
    t,
    { cors: { origins: '*' }, securityHeaders: true, errorPages: true, routes: [{ match: {}, pool: 'web' }] },
    { pools: { web: { backends: [`127.0.0.1:${port}`] } } }
  )
  for (const [path, edited] of [['/asked', true], ['/later', true], ['/sent', true], ['/answered', false]] as const) {
    const answer = await fetch(url + path, { headers: { accept: 'text/html' } })
    const fields = ['access-control-allow-origin', 'x-frame-options'].map((name) => answer.headers.get(name))
    t.equal(answer.status, 500, path)
    t.strictSame(fields, ['*', edited ? 'SAMEORIGIN' : null], path)
    t.equal((await answer.text()).includes('<html'), edited, path)
  }
}) // prettier-ignore
