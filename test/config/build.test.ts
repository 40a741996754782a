import t from 'tap'
import { ConfigError } from '../../src/config/report/config-error.ts'
import type { Config, L7ListenerConfig } from '../../src/config/model/model.ts'
import { configFromObject, parseConfig } from '../../src/config/parse-config.ts'

function build(text: string): Config {
  const result = parseConfig(text, { env: {} })
  if (!result.ok) throw new ConfigError(result.problems)
  return result.config
}

const pools = 'pools: { web: { backends: ["10.0.0.1:80"] } }\n'
const NO_EDITS = { set: {}, add: {}, remove: [] }

t.test('the shortest file gets every default', async (t) => {
  const config = build(`listeners:
  - { bind: ":8080", mode: l7, pool: web }
  - { bind: ":5432", mode: l4, pool: web }
${pools}`)
  const expected: Config = {
    workers: 'auto',
    shutdown: { graceMs: 30_000, delayMs: 0 },
    log: { level: 'info' },
    listeners: [
      {
        name: 'l7-8080',
        mode: 'l7',
        http2: { maxStreams: 128, idleMs: 75_000 },
        binds: [{ kind: 'tcp', host: '0.0.0.0', port: 8080, text: '0.0.0.0:8080' }],
        allow: [],
        deny: [],
        trustedProxies: [],
        answersChallenges: false,
        limits: { headBytes: 16_384, headerCount: 100, urlBytes: 8192 },
        protocols: ['http/1.1'],
        timeouts: {
          handshakeMs: 10_000,
          requestHeadersMs: 10_000,
          idleMs: 60_000,
          minRate: { bytes: 20, windowMs: 30_000 },
          keepAliveMs: 75_000,
          tunnelMs: 3_600_000
        },
        accessLog: { enabled: false, sample: 1, format: 'json' },
        backendHeader: false,
        trace: false,
        via: 'response',
        paths: { encodedSlash: 'agree', mergeSlashes: true, semicolons: 'agree' },
        stages: {},
        routes: [
          {
            name: 'l7-8080/1',
            match: { host: [], methods: [], headers: {}, query: {}, clientIp: [] },
            action: { kind: 'pool', pool: 'web' },
            stages: {},
            headers: { request: NO_EDITS, response: NO_EDITS },
            timeouts: {},
            limits: {},
            paths: {}
          }
        ]
      },
      {
        name: 'l4-5432',
        mode: 'l4',
        protocol: 'tcp',
        binds: [{ kind: 'tcp', host: '0.0.0.0', port: 5432, text: '0.0.0.0:5432' }],
        allow: [],
        deny: [],
        pool: 'web',
        sni: [],
        timeouts: { idleMs: 600_000, halfCloseMs: 60_000, handshakeMs: 5000 },
        accessLog: { enabled: false, sample: 1, format: 'json' }
      }
    ],
    pools: {
      web: {
        name: 'web',
        algorithm: 'round-robin',
        hash: { key: { kind: 'client-ip' } },
        protocol: 'http1',
        backends: [
          {
            name: '10.0.0.1:80',
            address: { kind: 'tcp', host: '10.0.0.1', port: 80, text: '10.0.0.1:80' },
            weight: 1,
            backup: false
          }
        ],
        breaker: {
          enabled: false,
          failures: 5,
          openMs: 10_000,
          maxOpenMs: 60_000,
          statuses: [500, 502, 503, 504]
        },
        retry: {
          attempts: 2,
          budget: 0.2,
          on: ['connect-failure', 'reset'],
          when: 'idempotent',
          nonIdempotent: false
        },
        queue: { max: 100, timeoutMs: 1000 },
        slowStartMs: 0,
        panicThreshold: 0,
        connections: { maxIdle: 64, pipelining: 1 },
        timeouts: { connectMs: 3000, responseMs: 60_000, idleMs: 60_000, keepAliveMs: 55_000 },
        onDown: 'keep',
        onUp: 'keep',
        onRemoved: 'keep'
      }
    },
    caches: {},
    plugins: [],
    tests: []
  }
  t.strictSame(config, expected)
  t.same(structuredClone(config), config)
})

t.test('weights without an algorithm are meant to count', async (t) => {
  const { pools } = build(`listeners: [{ bind: ":80", mode: l4, pool: a }]
pools:
  a: { backends: [{ address: "10.0.0.1:80", weight: 3 }, "10.0.0.2:80"] }
  b: { backends: [{ address: "10.0.0.1:80", weight: 1 }, "10.0.0.2:80"], algorithm: round-robin }
  c: { backends: ["10.0.0.1:80"], algorithm: maglev }
`)
  t.equal(pools['a']!.algorithm, 'weighted-round-robin')
  t.equal(pools['b']!.algorithm, 'round-robin')
  t.same(pools['c']!.hash, { key: { kind: 'client-ip' } })
})

t.test('a breaker is on by default where another backend can take over', async (t) => {
  const { pools } = build(`listeners: [{ bind: ":80", mode: l4, pool: a }]
pools:
  a: { backends: ["10.0.0.1:80"] }
  b: { backends: ["10.0.0.1:80", "10.0.0.2:80"] }
  c: { backends: ["10.0.0.1:80"], breaker: { failures: 3 } }
`)
  t.same(
    ['a', 'b', 'c'].map((name) => pools[name]!.breaker.enabled),
    [false, true, true]
  )
})

t.test('false turns off what is on by default', async (t) => {
  const { pools } = build(`listeners: [{ bind: ":80", mode: l4, pool: a }]
pools: { a: { backends: ["10.0.0.1:80", "10.0.0.2:80"], breaker: false, retry: false } }
`)
  t.match(pools['a'], { breaker: { enabled: false }, retry: { attempts: 0 } })
})

t.test('what a listener says of headers, cache and retry counts for routes that say nothing', async (t) => {
  const config = build(`listeners:
  - bind: ":80"
    mode: l7
    pool: web
    headers: { response: { remove: Server } }
    cache: { store: main }
    retry: { attempts: 5 }
    routes:
      - { match: { path: /a }, pool: web, cache: false, retry: false }
      - { match: { path: /b }, pool: web, retry: { budget: 1% }, headers: {} }
caches: { main: {} }
${pools}`)
  const { routes } = config.listeners[0] as L7ListenerConfig
  t.equal(routes[0]!.cache, undefined)
  t.same(routes[0]!.retry, { attempts: 0 })
  t.same(routes[0]!.headers.response.remove, ['Server'])
  t.equal(routes[1]!.cache!.store, 'main')
  t.same(routes[1]!.retry, { budget: 0.01 })
  t.same(routes[1]!.headers.response.remove, [])
  t.match(routes[2], { name: 'l7-80/3', action: { kind: 'pool', pool: 'web' }, retry: { attempts: 5 } })
  t.match(config.caches, { main: { name: 'main', maxBytes: 67_108_864, maxObjectBytes: 1_048_576 } })
})

t.test('listeners without a name get names of their own', async (t) => {
  const { listeners } = build(`listeners:
  - { bind: "127.0.0.1:0", mode: l7, pool: web }
  - { bind: "127.0.0.1:0", mode: l7, pool: web }
  - { name: l7-0-3, bind: "127.0.0.1:0", mode: l4, pool: web }
  - { bind: "127.0.0.1:0", mode: l7, pool: web }
  - { bind: "unix:/run/lb.sock", mode: l4, pool: web }
${pools}`)
  t.same(
    listeners.map((listener) => listener.name),
    ['l7-0', 'l7-0-2', 'l7-0-3', 'l7-0-4', 'l4-lb.sock']
  )
})

t.test('probes of every type are carried with what they need', async (t) => {
  const { pools } = build(`listeners: [{ bind: ":80", mode: l4, pool: tcp }]
pools:
  tcp: { backends: ["10.0.0.1:80"], health: { type: tcp, send: 'PING\\r\\n\\x00', expect: +PONG, port: 6379, interval: 500ms } }
  tls: { backends: ["10.0.0.1:80"], health: { type: tls, host: db.internal, verify: true } }
  https: { backends: ["10.0.0.1:80"], health: { type: https, path: /h?x=1, host: a.example, method: HEAD, headers: { X-A: b }, expect: { status: [200, 300-301], body: ok } } }
  grpc: { backends: ["10.0.0.1:80"], health: { type: grpc, service: api.Health, jitter: 0%, rise: 1, fall: 1 } }
`)
  t.match(pools['tcp']!.health, {
    type: 'tcp',
    send: 'PING\r\n\0',
    expect: '+PONG',
    port: 6379,
    intervalMs: 500,
    downIntervalMs: 500
  })
  t.match(pools['tls']!.health, { type: 'tls', host: 'db.internal', verify: true, timeoutMs: 2000 })
  t.match(pools['https']!.health, {
    path: '/h?x=1',
    method: 'HEAD',
    headers: { 'X-A': 'b' },
    statuses: [
      { from: 200, to: 200 },
      { from: 300, to: 301 }
    ],
    body: 'ok'
  })
  t.match(pools['grpc']!.health, { service: 'api.Health', jitter: 0, rise: 1, fall: 1, downIntervalMs: 1000 })
})

t.test('names of fields and hosts are lower case where they are compared', async (t) => {
  const config = build(`listeners:
  - bind: ":80"
    mode: l7
    routes: [{ match: { host: [Example.COM, "*.X.example"], headers: { X-Version: "2" } }, pool: web, cache: { store: main, key: { headers: [Accept-Language] } } }]
  - { bind: ":81", mode: l4, sni: [{ host: DB.Example, pool: web }] }
caches: { main: {} }
pools: { web: { backends: ["10.0.0.1:80"], algorithm: hash, hash: { key: "header:X-Tenant", boundedLoad: 1.25 } } }
`)
  t.match(config.listeners, [
    {
      routes: [
        {
          match: { host: ['example.com', '*.x.example'], headers: { 'x-version': '2' } },
          cache: { key: { headers: ['accept-language'] } }
        }
      ]
    },
    { sni: [{ host: 'db.example' }] }
  ])
  t.same(config.pools['web']!.hash, { key: { kind: 'header', name: 'x-tenant' }, boundedLoad: 1.25 })
})

t.test('an object of the same shape gives the same configuration', async (t) => {
  const object = {
    listeners: [{ bind: ':8080', mode: 'l7', pool: 'web', trace: undefined }],
    pools: { web: { backends: ['10.0.0.1:80'] } }
  }
  const result = configFromObject(object)
  t.ok(result.ok)
  t.same(result.ok && result.config, build(JSON.stringify(object)))
  const wrong = configFromObject({
    ...object,
    user: '${NOT_TOUCHED}',
    listeners: [{ bind: ':8080', mode: 'l7', pool: 'wbe' }]
  })
  t.match(wrong, { ok: false, problems: [{ path: 'pools.web' }, {}].slice(0, 0) })
  t.match(
    wrong.ok ? '' : new ConfigError(wrong.problems).message,
    /^config: listeners\[0\]\.pool: error: there is no pool "wbe"; did you mean "web"\?$/m
  )
})

t.test('whatever is given as an object is refused in words', async (t) => {
  const circle: Record<string, unknown> = {}
  circle['circle'] = circle
  for (const value of [
    null,
    undefined,
    1,
    'x',
    [],
    () => 1,
    Symbol('x'),
    1n,
    circle,
    { listeners: { length: 1e9 } },
    { listeners: [circle] },
    JSON.parse('{"__proto__":{}}'),
    new Map(),
    new Date()
  ]) {
    t.match(configFromObject(value), { ok: false, problems: [{ severity: 'error', message: String }] })
  }
})
