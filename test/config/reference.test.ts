import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { formatProblems } from '../../src/config/report/format-problems.ts'
import { parseConfig } from '../../src/config/parse-config.ts'

/** The contract of the file, whole: also what later versions bring. */
const reference = readFileSync(join(import.meta.dirname, 'reference.yaml.txt'), 'utf8')

/** Keys of the reference that are not built yet, as line and key. */
const notBuilt: readonly string[] = []

t.test('the reference is refused for what is not built yet, and for nothing else', async (t) => {
  const result = parseConfig(reference, { file: 'lb.yaml', env: {} })
  const problems = result.ok ? [] : result.problems
  t.same(
    problems.map(({ line, message }) => `${line} ${/^"([^"]*)" is not supported yet/.exec(message)?.[1]}`),
    notBuilt,
    formatProblems(problems)
  )
})

t.test('without those keys the reference is a configuration, and every value in it arrives', async (t) => {
  const lines = reference.split('\n')
  const drop = (from: number, to = from): void => {
    for (let line = from; line <= to; line++) lines[line - 1] = ''
  }
  drop(26)
  drop(56)
  drop(63)
  drop(69, 74)
  lines[105] = '    backends: ["10.0.4.1:50051"]'
  drop(107)
  const result = parseConfig(lines.join('\n'), { file: '/etc/lb/lb.yaml', env: { LB_ADMIN_TOKEN: 't0ken' } })
  if (!result.ok) return void t.fail(formatProblems(result.problems))
  t.same(result.warnings, [])
  t.equal(result.locate(['listeners', 2, 'bind', 1]), '/etc/lb/lb.yaml:48:25')
  const { config } = result
  t.matchOnly(
    { user: config.user, admin: config.admin, workers: config.workers },
    {
      user: 'nobody',
      admin: {
        binds: [{ kind: 'tcp', host: '127.0.0.1', port: 9900, text: '127.0.0.1:9900' }],
        token: 't0ken'
      },
      workers: 'auto'
    }
  )
  const [postgres, passthrough, https] = config.listeners
  t.match(postgres, {
    mode: 'l4',
    allow: ['10.0.0.0/8'],
    maxConnections: 2000,
    connectionLimit: { perClient: 50, ratePerSecond: 20 }
  })
  t.match(passthrough, {
    proxyProtocol: { trusted: ['10.0.0.0/8'] },
    sni: [
      { host: '*.internal.example', pool: 'internal' },
      { host: 'db.example', pool: 'db' }
    ],
    pool: 'internal'
  })
  t.match(https, {
    binds: [{ text: '0.0.0.0:443' }, { text: '[::]:443' }],
    limits: { bodyBytes: 10_485_760, methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] },
    accessLog: { enabled: true, slowMs: 2000, sample: 1 },
    routes: [
      {
        name: 'api',
        match: {
          host: ['example.com', '*.example.com'],
          pathPrefix: '/api/',
          methods: ['GET', 'POST'],
          headers: { 'x-version': '2' },
          query: { beta: '*' },
          clientIp: ['10.0.0.0/8']
        },
        action: { kind: 'pool', pool: 'api' },
        rewrite: { stripPrefix: '/api' },
        limits: { bodyBytes: 1_048_576, contentTypes: ['application/json'] },
        retry: { attempts: 1, on: ['connect-failure', 'reset', 502, 503] },
        timeouts: { responseMs: 10_000 }
      },
      { cache: { store: 'main', defaultTtlMs: 60_000, key: { ignoreQuery: ['utm_*'] }, coalesce: true } },
      { action: { kind: 'redirect', to: '/new', status: 308 } },
      {
        match: { pathRegex: '^/brew/[0-9]+$' },
        action: { kind: 'respond', status: 418, body: 'short and stout\n' }
      },
      {
        action: {
          kind: 'split',
          targets: [
            { pool: 'site', weight: 95 },
            { pool: 'canary', weight: 5 }
          ]
        },
        mirror: { pool: 'canary', share: 0.1, max: 100, timeoutMs: 10_000 },
        headers: {
          request: { set: { 'X-Env': 'prod' }, remove: ['X-Debug'] },
          response: { remove: ['Server'] }
        }
      }
    ]
  })
  t.match(config.pools['db'], {
    algorithm: 'least-connections',
    health: { type: 'tcp' },
    proxyProtocol: 'v2',
    onDown: 'close',
    backends: [{ backup: false }, {}, { backup: true }]
  })
  t.match(config.pools['api'], {
    hash: { key: { kind: 'header', name: 'x-tenant' }, boundedLoad: 1.25 },
    slowStartMs: 30_000,
    health: { type: 'grpc', service: 'api.Health' }
  })
  t.match(config.pools['site'], {
    backends: [
      { name: 's1', weight: 3, maxConnections: 200 },
      { name: 's2' },
      { address: { kind: 'unix', path: '/run/site.sock' } }
    ],
    health: {
      type: 'http',
      path: '/healthz',
      host: 'site.internal',
      statuses: [{ from: 200, to: 399 }],
      body: 'ok',
      intervalMs: 5000,
      timeoutMs: 2000,
      rise: 2,
      fall: 3
    },
    breaker: { statuses: [502, 503, 504] },
    queue: { max: 100, timeoutMs: 1000 },
    sticky: { cookie: 'lb_backend', ttlMs: 3_600_000, secure: 'auto', sameSite: 'lax' },
    panicThreshold: 0.3,
    tls: {
      ca: '/etc/lb/ca.pem',
      serverName: 'site.internal',
      cert: '/etc/lb/lb.crt',
      key: '/etc/lb/lb.key',
      verify: true
    }
  })
  t.match(config.caches, { main: { maxBytes: 268_435_456, maxObjectBytes: 2_097_152, store: 'memory' } })
})
