import t, { type Test } from 'tap'
import { httpOrigin, startLb, until } from '../../e2e/servers.ts'
import { type HttpAnswer, ask as askAt } from './support/http-origin.ts'

/** What Cache-Status says to the client, and what stands in the log, of each request in turn. */
async function told(t: Test) {
  let down = false
  const origin = await httpOrigin(t, 'site', (request, response) => {
    const { pathname, searchParams } = new URL(request.url!, 'http://site')
    if (down) return void request.socket.destroy()
    const control = searchParams.get('cc')
    if (control !== null) response.setHeader('cache-control', control)
    const age = searchParams.get('age')
    if (age !== null) response.setHeader('age', age)
    response.setHeader('etag', '"e"')
    if (pathname === '/large') response.write(Buffer.alloc(80_000))
    if (pathname === '/cut') {
      response.writeHead(200, { 'content-length': 1000 })
      response.write('beginning', () => response.destroy())
    } else if (pathname === '/part' && request.headers.range !== undefined) {
      response.writeHead(206, { 'content-range': 'bytes 0-3/8', 'content-length': 4 }).end('0123')
    } else if (request.headers['if-none-match'] === '"e"') response.writeHead(304).end()
    else response.end('01234567')
  })
  const routes = [{ match: {}, pool: 'site', cache: { store: 'main' } }]
  const lb = await startLb(t, {
    workers: 0,
    listeners: [{ name: 'web', bind: '127.0.0.1:0', mode: 'l7', accessLog: true, routes }],
    pools: { site: { backends: [origin.address], retry: false } },
    caches: { main: { maxBytes: '4mb', maxObjectBytes: '64kb' } }
  })
  const lines = () => lb.lines.filter(({ fields }) => (fields as { event?: string }).event === 'request')
  let asked = 0
  return {
    lb,
    cut: () => (down = true),
    async ask(path: string, fields: Record<string, string> = {}) {
      const answer: HttpAnswer = await askAt(lb.port('web'), path, '', { fields: Object.entries(fields) })
      asked++
      await until(() => lines().length >= asked, 'it is in the log')
      const logged = (lines()[asked - 1]!.fields as { cache?: string }).cache
      return { said: answer.headers['cache-status'], logged }
    }
  }
}

t.test('Cache-Status and the log say the same of each kind of answer', async (t) => {
  const { ask, cut } = await told(t)
  const cases: [path: string, fields: Record<string, string>, says: RegExp][] = [
    ['/a?cc=max-age=60', {}, /^lb; fwd=uri-miss; fwd-status=200; stored$/],
    ['/a?cc=max-age=60', {}, /^lb; hit; ttl=\d+$/],
    ['/a?cc=max-age=60', { range: 'bytes=1-2' }, /^lb; hit; ttl=\d+$/],
    ['/a?cc=max-age=60', { range: 'bytes=9-' }, /^lb; hit; ttl=\d+$/],
    ['/a?cc=max-age=60', { 'if-none-match': '"e"' }, /^lb; hit; ttl=\d+$/],
    // Fresh, but not for this request (RFC 9211 §2.2).
    ['/a?cc=max-age=60', { 'cache-control': 'min-fresh=100' }, /^lb; fwd=request; fwd-status=304$/],
    ['/a?cc=max-age=60', { 'cache-control': 'max-age=0' }, /^lb; fwd=request; fwd-status=304$/],
    ['/a?cc=max-age=60', { 'cache-control': 'no-cache' }, /^lb; fwd=request; fwd-status=304$/],
    ['/old?cc=max-age=60&age=100', {}, /^lb; fwd=uri-miss; fwd-status=200; stored$/],
    ['/old?cc=max-age=60&age=100', { 'cache-control': 'max-age=500' }, /^lb; fwd=stale; fwd-status=304$/],
    ['/old?cc=max-age=60&age=100', {}, /^lb; fwd=stale; fwd-status=304$/],
    ['/swr?cc=max-age=1,stale-while-revalidate=600&age=9', {}, /stored$/],
    ['/swr?cc=max-age=1,stale-while-revalidate=600&age=9', {}, /^lb; hit; ttl=-\d+$/],
    ['/part?cc=max-age=60', { range: 'bytes=0-3' }, /^lb; fwd=uri-miss; fwd-status=206; stored$/],
    ['/part?cc=max-age=60', { range: 'bytes=6-7' }, /^lb; fwd=partial; fwd-status=206$/],
    // Nothing was sent upstream.
    ['/none', { 'cache-control': 'only-if-cached' }, /^lb; detail=only-if-cached$/]
  ]
  for (const [path, fields, says] of cases) {
    const { said, logged } = await ask(path, fields)
    t.match(said, says, `${path} ${JSON.stringify(fields)}`)
    t.equal(logged, said, `${path} ${JSON.stringify(fields)} in the log`)
  }
  cut()
  for (const [path, says] of [
    ['/old?cc=max-age=60&age=100', /^lb; hit; ttl=-\d+; detail=stale-if-error$/],
    ['/new', /^lb; fwd=uri-miss$/]
  ] as const) {
    const { said, logged } = await ask(path)
    t.match(said, says, `${path} without a backend`)
    t.equal(logged, said, `${path} without a backend, in the log`)
  }
})

t.test('the log and the metrics know of a body that was to be stored and was not', async (t) => {
  const { ask, lb } = await told(t)
  const outcomes: [path: string, says: string][] = [
    ['/large?cc=max-age=60', 'lb; fwd=uri-miss; fwd-status=200; detail=too-large'],
    ['/cut?cc=max-age=60', 'lb; fwd=uri-miss; fwd-status=200; detail=incomplete'],
    ['/whole?cc=max-age=60', 'lb; fwd=uri-miss; fwd-status=200; stored']
  ]
  for (const [path, says] of outcomes) {
    const { said, logged } = await ask(path)
    t.equal(said, 'lb; fwd=uri-miss; fwd-status=200; stored', `${path}: the head is sent before the body`)
    t.equal(logged, says, path)
  }
  t.match(lb.running.metrics(), /^lb_cache_stored_total\{cache="main"\} 1$/m)
})
