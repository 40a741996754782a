import t from 'tap'
import { startAdmin } from './fixtures/fake-control-plane.ts'
import { ask, askJson } from './fixtures/raw-request.ts'

t.test('/healthz answers as long as the process does, also while draining', async (t) => {
  const { plane, url, close } = await startAdmin()
  t.teardown(close)
  plane.state = 'draining'
  t.match(await ask(`${url}/healthz`), { status: 200, json: { status: 'ok' } })
})

t.test('/readyz tells why it is not ready', async (t) => {
  const { plane, url, close } = await startAdmin()
  t.teardown(close)
  t.strictSame(await ask(`${url}/readyz`).then(({ status, json }) => ({ status, json })), {
    status: 200,
    json: { status: 'ready', reasons: [] }
  })
  for (const backend of plane.backends.db!) backend.usable = false
  t.match(await ask(`${url}/readyz`), {
    status: 503,
    json: { status: 'not ready', reasons: ['pool db: none of 2 backends is usable'] }
  })
  plane.backends.db = []
  t.match((await ask(`${url}/readyz`)).json, { reasons: ['pool db: it has no backends'] })
  t.match(await ask(`${url}/readyz?pool=web`), { status: 200 })
  t.match(await ask(`${url}/readyz?pool=nope`), { status: 503 })
  plane.bound = false
  plane.state = 'draining'
  t.match((await ask(`${url}/readyz?pool=web`)).json, {
    reasons: ['draining: shutting down', 'listener l7-8080: 0.0.0.0:8080 is not bound']
  })
})

t.test('/readyz tells strangers no name and no address', async (t) => {
  const token = 'a-token-of-sixteen-characters'
  const bind = { kind: 'tcp', host: '0.0.0.0', port: 0, text: '0.0.0.0:0' } as const
  const { plane, url, close } = await startAdmin(token, bind)
  t.teardown(close)
  for (const backend of plane.backends.db!) backend.usable = false
  plane.bound = false
  const stranger = await ask(`${url}/readyz`)
  t.match(stranger, {
    status: 503,
    json: { reasons: ['a listener is not bound', 'a pool has no usable backend'] }
  })
  t.notMatch(stranger.text, /db|8080/)
  const known = await ask(`${url}/readyz`, { headers: { authorization: `Bearer ${token}` } })
  t.match(known.text, /pool db: none of 2/)
})

t.test('/metrics is Prometheus text', async (t) => {
  const { url, close } = await startAdmin()
  t.teardown(close)
  const { status, headers, text } = await ask(`${url}/metrics`)
  t.equal(status, 200)
  t.equal(headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8')
  t.match(text, /^lb_workers 2$/m)
})

t.test('the views are JSON, not stored by caches and not sniffed', async (t) => {
  const { url, close } = await startAdmin()
  t.teardown(close)
  const pools = await ask(`${url}/api/pools`)
  t.match(pools.headers, {
    'content-type': 'application/json; charset=utf-8',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff'
  })
  t.equal(pools.headers['access-control-allow-origin'], undefined)
  t.match(pools.json, { pools: [{ name: 'web', usable: 2, backends: [{ name: 'a', state: 'up' }, {}] }, {}] })
  t.match((await ask(`${url}/api/pools/web`)).json, { name: 'web', algorithm: 'round-robin' })
  t.match((await ask(`${url}/api/pools/web/backends/b`)).json, { name: 'b', address: '10.0.0.2:8080' })
  t.match((await ask(`${url}/api/listeners`)).json, { listeners: [{ name: 'l7-8080', open: 3 }] })
  t.match((await ask(`${url}/api/connections`)).json, { open: 3, oldestSeconds: 12.5 })
  t.match((await ask(`${url}/api/caches`)).json, { caches: [{ name: 'main', bytes: 2048 }] })
  t.match((await ask(`${url}/api/info`)).json, { version: '0.1.0', pid: 4711, state: 'running' })
  t.match(await ask(`${url}/api/openapi.yaml`), { status: 200, text: /^openapi: 3/ })
})

t.test('a backend whose name is an address or a path is reached by its encoded name', async (t) => {
  const { url, close } = await startAdmin()
  t.teardown(close)
  const path = `/api/pools/db/backends/${encodeURIComponent('unix:/run/db.sock')}`
  t.match((await ask(url + path)).json, { name: 'unix:/run/db.sock' })
  t.match((await ask(`${url}/api/pools/db/backends/10.0.1.1:5432`)).json, { name: '10.0.1.1:5432' })
  t.match(await ask(`${url}/api/pools/%ff`), { status: 400, json: { error: { code: 'bad-request' } } })
})

t.test(
  'state and weight of a backend change by POST and PATCH, and the answer is the new view',
  async (t) => {
    const { plane, url, log, close } = await startAdmin()
    t.teardown(close)
    const path = `${url}/api/pools/web/backends/a`
    t.match(await askJson(path, 'POST', { state: 'drain' }), {
      status: 200,
      json: { name: 'a', admin: 'drain' }
    })
    t.match(await askJson(path, 'PATCH', { weight: 5, state: 'ready' }), {
      json: { weight: 5, admin: 'ready' }
    })
    t.strictSame(plane.asked, [
      { pool: 'web', name: 'a', change: { state: 'drain' } },
      { pool: 'web', name: 'a', change: { state: 'ready', weight: 5 } }
    ])
    t.match(log.lines[0], {
      level: 'info',
      message: 'admin call',
      fields: { path: '/api/pools/web/backends/a' }
    })
  }
)

t.test('changes that cannot be are refused with a reason and change nothing', async (t) => {
  const { plane, url, log, close } = await startAdmin()
  t.teardown(close)
  const path = `${url}/api/pools/web/backends/a`
  const refused: [unknown, number, string][] = [
    [{}, 400, 'bad-request'],
    [{ state: 'off' }, 400, 'bad-request'],
    [{ weight: 0 }, 400, 'bad-request'],
    [{ weight: 1.5 }, 400, 'bad-request'],
    [{ weight: '3' }, 400, 'bad-request'],
    [{ wieght: 3 }, 400, 'bad-request'],
    [['drain'], 400, 'bad-request'],
    [{ weight: 999 }, 409, 'conflict']
  ]
  for (const [body, status, code] of refused) {
    t.match(await askJson(path, 'POST', body), { status, json: { error: { code, message: /./ } } })
  }
  t.match(plane.backends.web![0], { admin: 'ready', weight: 1 })
  t.match(await askJson(`${url}/api/pools/web/backends/zz`, 'POST', { state: 'drain' }), { status: 404 })
  t.match(await askJson(`${url}/api/pools/zz/backends/a`, 'POST', { state: 'drain' }), { status: 404 })

  const inside = await askJson(path, 'POST', { weight: 666 })
  t.match(inside, { status: 500, json: { error: { code: 'internal' } } })
  t.notMatch(inside.text, /secret detail/)
  t.match(log.lines.at(-1), { level: 'error', fields: { err: { message: 'secret detail' } } })
})

t.test('a body must be JSON, say so, and be small', async (t) => {
  const { url, close } = await startAdmin()
  t.teardown(close)
  const path = `${url}/api/pools/web/backends/a`
  const headers = { 'Content-Type': 'application/json' }
  t.match(await ask(path, { method: 'POST', headers, body: '{"state":' }), { status: 400 })
  t.match(await ask(path, { method: 'POST', headers, body: 'null' }), { status: 400 })
  t.match(
    await ask(path, { method: 'POST', headers: { 'Content-Type': 'text/plain' }, body: '{"weight":2}' }),
    {
      status: 415
    }
  )
  const large = await askJson(path, 'POST', { state: 'x'.repeat(70_000) })
  t.match(large, { status: 413, json: { error: { code: 'body-too-large' } } })
  t.equal(large.headers.connection, 'close')
})

t.test('reload reports what changed, plans on demand, and answers 422 for a bad configuration', async (t) => {
  const { plane, url, close } = await startAdmin()
  t.teardown(close)
  t.match(await ask(`${url}/api/reload`, { method: 'POST' }), {
    status: 200,
    json: { changed: true, lines: ['pool api: +1 backend, -1 draining'] }
  })
  await ask(`${url}/api/reload?plan=1`, { method: 'POST' })
  await ask(`${url}/api/reload?plan=0`, { method: 'POST' })
  t.strictSame(plane.asked, [{ reload: 'now' }, { reload: 'plan' }, { reload: 'now' }])
  plane.report = { changed: false, lines: [], errors: ['lb.yaml:3:5 unknown key'] }
  t.match(await ask(`${url}/api/reload`, { method: 'POST' }), {
    status: 422,
    json: { error: { code: 'bad-config' }, errors: ['lb.yaml:3:5 unknown key'] }
  })
})

t.test('a purge names exactly one thing', async (t) => {
  const { plane, url, close } = await startAdmin()
  t.teardown(close)
  const path = `${url}/api/cache/purge`
  t.match(await askJson(path, 'POST', { url: 'https://example.com/a?b=1' }), {
    status: 200,
    json: { purged: 7, caches: ['main'] }
  })
  await askJson(path, 'POST', { prefix: 'https://example.com/static/', cache: 'main' })
  await askJson(path, 'POST', { tag: 'product-7' })
  await askJson(path, 'POST', { all: true })
  await askJson(path, 'POST', { tag: ['a', 'b'], soft: true })
  await askJson(path, 'POST', { tag: 'a', soft: false })
  t.strictSame(plane.asked, [
    { purge: { target: { kind: 'url', values: ['https://example.com/a?b=1'] } } },
    { purge: { cache: 'main', target: { kind: 'prefix', values: ['https://example.com/static/'] } } },
    { purge: { target: { kind: 'tag', values: ['product-7'] } } },
    { purge: { target: { kind: 'all' } } },
    { purge: { soft: true, target: { kind: 'tag', values: ['a', 'b'] } } },
    { purge: { target: { kind: 'tag', values: ['a'] } } }
  ])
  for (const body of [
    {},
    { all: false },
    { tag: '' },
    { url: '/a' },
    { tag: 'x', all: true },
    { urls: [] },
    { url: [] },
    { url: ['https://example.com/', '/a'] },
    { tag: ['a', 7] },
    { tag: Array.from({ length: 1001 }, String) },
    { tag: 'a', soft: 'yes' }
  ]) {
    t.match(await askJson(path, 'POST', body), { status: 400 })
  }
  t.match(await askJson(path, 'POST', { all: true, cache: 'x' }), {
    status: 404,
    json: { error: { message: /"x"/ } }
  })
})

t.test('the configuration in force is shown without its secrets', async (t) => {
  const { plane, url, close } = await startAdmin()
  t.teardown(close)
  plane.configuration = {
    admin: { token: 'hunter2', binds: [] },
    redis: { url: 'redis://lb:hunter2@127.0.0.1:6379/0' },
    pools: { cache: { health: { type: 'tcp', send: 'AUTH hunter2\\r\\nPING\\r\\n', expect: 'PONG' } } },
    listeners: [
      {
        tls: { certificates: [{ cert: '/etc/a.crt', key: '/etc/a.key' }] },
        routes: [
          {
            match: {
              headers: {
                'x-api-key': 'hunter2',
                'x-session': 'hunter2',
                'x-version': '2',
                authorization: '*'
              },
              query: { apikey: 'hunter2', page: '2' }
            },
            respond: { body: 'hunter2', headers: { 'Set-Cookie': 'a=hunter2' } },
            action: { kind: 'redirect', to: 'https://a.example/?access_token=hunter2&b=1' },
            headers: { request: { set: { Authorization: 'Basic hunter2', 'X-Env': 'prod' } } },
            auth: [
              { apiKeys: { header: 'x-api-key', keys: { alice: 'hunter2' } } },
              { basic: { users: { bob: 'hunter2' } } }
            ],
            cache: { key: { headers: ['accept'] } }
          }
        ]
      }
    ]
  }
  const { text, json } = await ask(`${url}/api/config`)
  t.notMatch(text, /hunter2/)
  t.match(json, {
    admin: { token: '***' },
    redis: { url: 'redis://lb:***@127.0.0.1:6379/0' },
    pools: { cache: { health: { send: '***', expect: 'PONG' } } },
    listeners: [
      {
        tls: { certificates: [{ key: '/etc/a.key' }] },
        routes: [
          {
            match: { headers: { 'x-version': '2', authorization: '*' }, query: { page: '2' } },
            action: { to: 'https://a.example/?access_token=***&b=1' },
            headers: { request: { set: { 'X-Env': 'prod' } } },
            auth: [{ apiKeys: { header: 'x-api-key', keys: { alice: '***' } } }, {}],
            cache: { key: { headers: ['accept'] } }
          }
        ]
      }
    ]
  })
})

t.test('HEAD, wrong methods and unknown paths', async (t) => {
  const { url, close } = await startAdmin()
  t.teardown(close)
  const head = await ask(`${url}/api/pools`, { method: 'HEAD' })
  t.equal(head.status, 200)
  t.equal(head.text, '')
  t.ok(Number(head.headers['content-length']) > 100)
  t.match(await ask(`${url}/api/pools`, { method: 'DELETE' }), {
    status: 405,
    headers: { allow: 'GET, HEAD' },
    json: { error: { code: 'method-not-allowed' } }
  })
  t.match(await ask(`${url}/api/reload`), { status: 405, headers: { allow: 'POST, PATCH' } })
  t.match(await ask(`${url}/api/pools`, { method: 'OPTIONS', headers: { Origin: url } }), { status: 405 })
  t.match(await ask(`${url}/api/nope`), { status: 404, json: { error: { code: 'not-found' } } })
  t.match(await ask(`${url}/`), { status: 404 })
})

t.test('explain tells no secret of the configuration that went into the request', async (t) => {
  const { plane, url, close } = await startAdmin()
  t.teardown(close)
  plane.configuration = {
    headers: { request: { set: { Authorization: 'Bearer SECRET-1', 'X-Plain': 'visible', 'X-Key': 'ab' } } },
    stages: { auth: { methods: [{ forward: { url: 'http://u:SECRET-2@h/?sig=SECRET-3' } }] } }
  }
  plane.explanation = {
    ...plane.explanation,
    notes: ['would ask http://u:SECRET-2@h/?sig=SECRET-3'],
    sends: ['Authorization: Bearer SECRET-1', 'X-Plain: visible', 'X-Cab: cab']
  }
  const answer = await askJson(`${url}/api/explain`, 'POST', { url: 'http://a' })
  t.match(answer, {
    status: 200,
    json: {
      notes: ['would ask http://u:***@h/?sig=***'],
      sends: ['Authorization: ***', 'X-Plain: visible', 'X-Cab: cab']
    }
  })
})

t.test('explain is asked with a request, and perhaps with a response', async (t) => {
  const { plane, url, close } = await startAdmin()
  t.teardown(close)
  const path = `${url}/api/explain`
  const body = {
    method: 'HEAD',
    url: 'https://example.com/a?b=1',
    headers: ['Accept-Language:  de ', 'X-Empty:'],
    client: '::1',
    listener: 'web',
    response: { headers: ['Cache-Control: max-age=60'] }
  }
  t.match(await askJson(path, 'POST', body), { status: 200, json: { route: 'site' } })
  await askJson(path, 'POST', { url: 'http://a' })
  t.strictSame(plane.asked, [
    {
      explain: {
        ...body,
        headers: [
          ['Accept-Language', 'de'],
          ['X-Empty', '']
        ],
        response: { status: 200, headers: [['Cache-Control', 'max-age=60']] }
      }
    },
    { explain: { method: 'GET', url: 'http://a', headers: [], client: '127.0.0.1' } }
  ])
  for (const wrong of [
    {},
    { url: '/a' },
    { url: 'http://a/b c' },
    { url: 'http://a/#b' },
    { url: 'http://a', method: 'GET / HTTP/1.1\r\nX' },
    { url: 'http://a', headers: ['a: b\r\nc: d'] },
    { url: 'http://a', headers: ['no colon'] },
    { url: 'http://a', headers: { a: 'b' } },
    { url: 'http://a', client: 'localhost' },
    { url: 'http://a', header: ['a: b'] },
    { url: 'http://a', response: { status: 100 } },
    { url: 'http://a', response: [] }
  ]) {
    t.match(await askJson(path, 'POST', wrong), { status: 400, json: { error: { code: 'bad-request' } } })
  }
  t.match(await askJson(path, 'POST', { url: 'http://a', listener: 'none' }), { status: 404 })
  t.equal((await ask(path)).status, 405)
})
