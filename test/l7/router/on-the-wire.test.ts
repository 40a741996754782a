import { connect } from 'node:net'
import t, { type Test } from 'tap'
import { startLb, type Lb } from '../../e2e/servers.ts'
import { converse, type SeenResponse } from '../../http-battery/raw-client.ts'
import { RawOrigin } from '../../http-battery/raw-origin.ts'

interface Lab {
  readonly lb: Lb
  readonly origin: RawOrigin
  ask(target: string, fields?: readonly string[], method?: string): Promise<SeenResponse>
}

/** `lb` with these routes (and keys of the listener) over one origin that three pools share. */
async function lab(t: Test, routes: readonly object[], listener: object = {}): Promise<Lab> {
  const origin = new RawOrigin()
  const address = `127.0.0.1:${await origin.listen()}`
  t.teardown(() => origin.close())
  const pool = { backends: [address] }
  const lb = await startLb(t, {
    workers: 0,
    listeners: [{ name: 'web', bind: '127.0.0.1:0', mode: 'l7', routes, ...listener }],
    pools: { web: pool, api: pool, canary: pool }
  })
  const ask = async (
    target: string,
    fields: readonly string[] = ['Host: example.com'],
    method = 'GET'
  ): Promise<SeenResponse> => {
    const socket = connect(lb.port('web'), '127.0.0.1')
    const bytes = `${method} ${target} HTTP/1.1\r\n${fields.map((field) => `${field}\r\n`).join('')}\r\n`
    const { responses } = await converse(socket, bytes, (seen) =>
      seen.responses.some((response) => response.complete)
    )
    return responses[0]!
  }
  return { lb, origin, ask }
}

const has = (fields: readonly string[], name: string): string[] =>
  fields
    .filter((field) => field.toLowerCase().startsWith(`${name}:`))
    .map((field) => field.slice(name.length + 1).trim())

t.test('redirects, own answers and no route at all', async (t) => {
  const { ask, origin } = await lab(t, [
    { match: { path: '/old' }, redirect: { to: 'https://{host}/new{query}', status: 308 } },
    {
      match: { pathRegex: '^/brew/[0-9]+$' },
      respond: { status: 418, body: 'short and stout\n', headers: { 'X-Pot': 'tea' } }
    },
    { match: { host: 'example.com', pathPrefix: '/api/' }, pool: 'api' }
  ])
  const moved = await ask('/a/../old?x=1', ['Host: Example.com:80'])
  t.equal(moved.status, 308)
  t.same(has(moved.fields, 'location'), ['https://example.com/new?x=1'])
  const pot = await ask('/brew/12')
  t.match(pot, { status: 418, body: 'short and stout\n' })
  t.same(has(pot.fields, 'x-pot'), ['tea'])
  t.match(await ask('/apix'), { status: 404, body: 'not found (LB_NO_ROUTE)\n' })
  t.equal((await ask('/api/x')).status, 200)
  t.equal(origin.requests.length, 1)
})

t.test('rewrites change the path and leave the query', async (t) => {
  const { ask, origin } = await lab(t, [
    { match: { pathPrefix: '/api' }, rewrite: { stripPrefix: '/api', addPrefix: '/v1' }, pool: 'web' },
    { match: {}, rewrite: { path: { regex: '^/u/([^/]+)', to: '/users/$1' } }, pool: 'web' }
  ])
  for (const target of ['/api?a=/../b', '/api/x%20y', '/u/ann/z?q']) await ask(target)
  t.same(
    origin.requests.map(({ line }) => line.split(' ')[1]),
    ['/v1/?a=/../b', '/v1/x%20y', '/users/ann/z?q']
  )
})

t.test('a trusted proxy’s fields count for routes and are forwarded to the backend', async (t) => {
  const { ask, origin } = await lab(
    t,
    [
      { match: { clientIp: ['203.0.113.0/24'] }, respond: { status: 403, body: 'no\n' } },
      { match: {}, pool: 'web' }
    ],
    { trustedProxies: ['127.0.0.0/8', '10.0.0.0/8'] }
  )
  t.equal((await ask('/', ['Host: a', 'X-Forwarded-For: 203.0.113.5, 10.0.0.1'])).status, 403)
  t.equal(
    (
      await ask('/', [
        'Host: a',
        'X-Forwarded-For: 203.0.113.5, 198.51.100.1',
        'X-Forwarded-Proto: https',
        'X-Request-Id: mine'
      ])
    ).status,
    200
  )
  const { fields } = origin.requests[0]!
  t.same(has(fields, 'x-forwarded-for'), ['203.0.113.5, 198.51.100.1, 127.0.0.1'])
  t.same(has(fields, 'x-forwarded-proto'), ['https'])
  t.same(has(fields, 'x-request-id'), ['mine'])
})

t.test('an untrusted client’s word counts for nothing', async (t) => {
  const { ask, origin } = await lab(t, [
    { match: { clientIp: ['203.0.113.0/24'] }, respond: { status: 403 } },
    { match: {}, pool: 'web' }
  ])
  t.equal((await ask('/', ['Host: a', 'X-Forwarded-For: 203.0.113.5', 'X-Request-Id: mine'])).status, 200)
  const { fields } = origin.requests[0]!
  t.same(has(fields, 'x-forwarded-for'), ['127.0.0.1'])
  t.notSame(has(fields, 'x-request-id'), ['mine'])
})

t.test('edits reach what the client sent and what lb adds', async (t) => {
  const { ask, origin } = await lab(t, [
    {
      match: {},
      pool: 'web',
      headers: {
        request: {
          set: { Host: 'inner', 'X-Forwarded-Proto': 'https', 'X-Client': '{client_ip}' },
          remove: ['X-Forwarded-Host', 'X-Debug']
        }
      }
    }
  ])
  for (const target of ['/', 'http://example.com/']) {
    origin.reset()
    t.equal((await ask(target, ['Host: example.com', 'X-Debug: 1'])).status, 200)
    t.same(origin.broken, [])
    const fields = origin.requests[0]?.fields ?? []
    t.same(has(fields, 'host'), ['inner'])
    t.same(has(fields, 'x-forwarded-proto'), ['https'])
    t.same(has(fields, 'x-client'), ['127.0.0.1'])
    t.same(has(fields, 'x-forwarded-host'), [])
    t.same(has(fields, 'x-debug'), [])
  }
})

t.test('a request in a loop gets 508', async (t) => {
  const { lb, ask } = await lab(t, [{ match: {}, pool: 'web' }])
  await lb.apply({
    workers: 0,
    listeners: [{ name: 'web', bind: '127.0.0.1:0', mode: 'l7', pool: 'web' }],
    pools: { web: { backends: [`127.0.0.1:${lb.port('web')}`], breaker: false } }
  })
  const answer = await ask('/')
  t.match(answer, { status: 508, body: 'loop detected (LB_LOOP)\n' })
})

t.test('clients that prefer JSON get JSON', async (t) => {
  const { ask } = await lab(t, [{ match: { path: '/x' }, pool: 'web' }])
  const answer = await ask('/', ['Host: a', 'Accept: application/json'])
  t.equal(JSON.parse(answer.body).error.code, 'LB_NO_ROUTE')
  t.same(has(answer.fields, 'proxy-status'), ['lb; error=http_request_denied; details="LB_NO_ROUTE"'])
})

t.test('paths are compared and refused as the listener says', async (t) => {
  const routes = [
    { name: 'scoped', match: { path: '/@scope%2Fname' }, pool: 'api' },
    { name: 'twice', match: { path: '/a//b' }, respond: { status: 204 } },
    { name: 'once', match: { path: '/a/b' }, respond: { status: 205 } },
    { name: 'rest', match: {}, pool: 'web' }
  ]
  const kept = await lab(t, routes, { paths: { encodedSlash: 'keep', mergeSlashes: false } })
  t.equal((await kept.ask('/@scope%2fname')).status, 200)
  t.equal(kept.origin.requests[0]!.line, 'GET /@scope%2fname HTTP/1.1', 'as the client wrote it')
  t.equal((await kept.ask('/a//b')).status, 204)
  t.equal((await kept.ask('/a/b')).status, 205)
  t.equal((await kept.ask('//a/b')).status, 205, 'at the start they are one')
  const strict = await lab(t, routes)
  t.equal((await strict.ask('/@scope%2fname')).status, 400)
  t.equal((await strict.ask('/a//b')).status, 204, 'both routes are the same, the first wins')
  const refusing = await lab(t, routes, { paths: { encodedSlash: 'refuse', semicolons: 'refuse' } })
  t.equal((await refusing.ask('/x%2fy')).status, 400)
  t.equal((await refusing.ask('/x;y')).status, 400)
})

t.test('%2f is forwarded unchanged where both readings have the same route', async (t) => {
  const routes = [
    { name: 'admin', match: { pathPrefix: '/admin' }, respond: { status: 403 } },
    { name: 'keeps', match: { pathPrefix: '/files' }, pool: 'web', paths: { encodedSlash: 'keep' } },
    { name: 'strict', match: { pathPrefix: '/strict' }, pool: 'web', paths: { encodedSlash: 'refuse' } },
    { name: 'rest', match: {}, pool: 'web' }
  ]
  const { ask, origin } = await lab(t, routes, { paths: { semicolons: 'strip' } })
  for (const path of [
    '/@acme%2fthing',
    '/api/v4/projects/a%2Fb/x',
    '/a%5cb',
    '/files/..%2fadmin',
    '/x;p=1'
  ]) {
    t.equal((await ask(path)).status, 200, path)
    t.equal(origin.requests.at(-1)!.line, `GET ${path} HTTP/1.1`)
  }
  for (const path of ['/admin%2fx', '/x%2f..%2fadmin', '/..%2f..%2fx', '/strict/a%2fb', '/x%2f..%2f..%2fx'])
    t.equal((await ask(path)).status, 400, path)
  t.equal((await ask('/admin;x=1')).status, 403, 'as servlet containers read it')
})

t.test('routes by cookie, by size of body, by any of several, and by what is not', async (t) => {
  const respond = (body: string) => ({ respond: { status: 200, body } })
  const { ask } = await lab(t, [
    { match: { cookies: { beta: '1' } }, ...respond('beta') },
    { match: { body: { over: '1kb' } }, ...respond('large') },
    {
      match: { any: [{ pathPrefix: '/a' }, { headers: { 'x-a': '*' } }], not: { path: '/a/no' } },
      ...respond('any')
    },
    { match: {}, ...respond('rest') }
  ])
  const host = 'Host: example.com'
  t.equal((await ask('/', [host, 'Cookie: x=y; beta=1'])).body, 'beta')
  t.equal((await ask('/', [host, 'Cookie: beta=2'])).body, 'rest')
  t.equal((await ask('/', [host, 'Content-Length: 2000'], 'POST')).body, 'large')
  t.equal((await ask('/', [host, 'Transfer-Encoding: chunked'], 'POST')).body, 'large')
  t.equal((await ask('/a/x')).body, 'any')
  t.equal((await ask('/', [host, 'X-A: 1'])).body, 'any')
  t.equal((await ask('/a/no')).body, 'rest')
})

t.test(
  'a path with parameters is forwarded unchanged where it has the same route without them',
  async (t) => {
    const routes = [
      { name: 'admin', match: { pathPrefix: '/admin' }, respond: { status: 403 } },
      { name: 'login', match: { path: '/app/login' }, respond: { status: 403 } },
      { name: 'app', match: { pathPrefix: '/app' }, pool: 'web' },
      { name: 'rest', match: {}, pool: 'web' }
    ]
    const { ask, origin } = await lab(t, routes)
    for (const path of ['/x;jsessionid=1', '/app/x;a=1/y;b', '/;x', '/a;/b', '/x%2fy;z', '/app;x/y']) {
      t.equal((await ask(path)).status, path === '/app;x/y' ? 400 : 200, path)
      if (path !== '/app;x/y') t.equal(origin.requests.at(-1)!.line, `GET ${path} HTTP/1.1`)
    }
    const before = origin.requests.length
    for (const path of [
      '/admin;x',
      '/admin;x/y',
      '/admin;',
      '/;x/admin',
      '/adm%69n;x/y',
      '/app/login;x',
      '/app;/login',
      '/admin;x%2fy',
      '/admin;y%2f..%2f..',
      '/x/..;/admin'
    ])
      // prettier-ignore
      t.equal((await ask(path)).status, 400, path)
    t.equal(origin.requests.length, before, 'none of them reaches a backend')
    const kept = await lab(t, routes, { paths: { semicolons: 'keep' } })
    t.equal((await kept.ask('/admin;x')).status, 200, 'where backends know no parameters')
  }
)
