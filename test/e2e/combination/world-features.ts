import { NONCE_TIME, SECRET } from './services/bound-tokens.ts'
import {
  boundRight,
  closedHost,
  expressionsRight,
  fixedRight,
  forEverybody,
  introspected,
  neverEmpty,
  nonsenseEnds,
  onceProven,
  oneCredential,
  paced,
  pageWhole,
  problems,
  routedRight,
  stamped,
  turnedRight,
  viaBoth,
  type Check
} from './checks.ts'

export type Happening =
  | 'reload'
  | 'worker-death'
  | 'discovery'
  | 'dns'
  | 'certificates'
  | 'pages'
  | 'drain'
  | 'redis'
  | 'rotate'
  | 'stop'
  | 'downs'
  | 'purges'

/** Something of lb that is on in some of the generated worlds. */
export interface WorldFeature {
  readonly name: string
  readonly share: number
  /** Over the pool's configuration. */
  readonly pool?: object
  /** … of pools that speak HTTP/1.1 only. */
  readonly http1Pool?: object
  /** Over that of the pool that Layer 4 goes to. */
  readonly bytes?: object
  /** Over the route's. */
  readonly route?: object
  /** Over the L7 listeners'. */
  readonly listener?: object
  /** Over the TLS of listeners. */
  readonly tls?: object
  /** Over those of TCP and UDP. */
  readonly relay?: object
  /** Before the route of all. A `pool` makes it one of the same features. */
  readonly routes?: readonly object[]
  /** Over the whole configuration. */
  readonly config?: object
  /** What it promises of answers, where nothing of the configuration changes meanwhile. */
  readonly check?: Check
  /** … one for each world. */
  readonly checks?: () => Check
  /** Not together with this one. */
  readonly without?: readonly string[]
  /** Only together with one of these. */
  readonly with?: readonly string[]
  /** Left out where there is none. */
  readonly needs?: 'redis'
  /** Reloads leave it as it is. */
  readonly stays?: boolean
  /** Something that happens while requests are under way. */
  readonly happening?: Happening
}

const PROBED = { health: { type: 'tcp', interval: '200ms', timeout: '1s', rise: 1, fall: 1 } }

/** Add a line to have a feature combined with all the others. */
export const worldFeatures: readonly WorldFeature[] = [
  { name: 'pipelining', share: 0.5, http1Pool: { connections: { pipelining: 8 } } },
  { name: 'retry of statuses', share: 0.5, pool: { retry: { attempts: 2, on: ['connect-failure', 'reset', 503] } } },
  { name: 'retry of timeouts', share: 0.2, pool: { retry: { attempts: 1, on: ['connect-failure', 'reset', 'timeout', 'grpc-unavailable'] } } },
  { name: 'no retry', share: 0.2, pool: { retry: false } },
  { name: 'short lives', share: 0.3, pool: { connections: { maxRequests: 3, maxAge: '1s' } } },
  { name: 'few connections', share: 0.3, pool: { connections: { maxIdle: 2 } } },
  { name: 'least-connections', share: 0.2, pool: { algorithm: 'least-connections' } },
  { name: 'leaves what is down', share: 0.3, pool: { onDown: 'close' }, bytes: { onDown: 'close' }, stays: true },
  { name: 'leaves what is removed', share: 0.2, bytes: { onRemoved: 'close' } },
  { name: 'backups', share: 0.2, bytes: { onUp: 'close-backups' }, stays: true },
  { name: 'backends that go down', share: 0.25, pool: PROBED, bytes: PROBED, happening: 'downs', stays: true },
  { name: 'purges', share: 0.4, happening: 'purges' },
  { name: 'source', share: 0.2, pool: { source: '127.0.0.9' }, bytes: { source: '127.0.0.9' } },
  { name: 'sticky', share: 0.2, pool: { sticky: { cookie: 'lb_backend' } } },
  {
    name: 'cache with stale-if-error',
    share: 0.5,
    route: { cache: { store: 'main', staleIfError: '60s' } },
    config: { caches: { main: { maxBytes: '16mb', maxObjectBytes: '1mb' } } }
  },
  { name: 'header edits', share: 0.3, route: { headers: { request: { set: { 'X-To': '{client_ip}' } }, response: { set: { 'X-Edited': 'yes' } } } } },
  { name: 'compression', share: 0.4, route: { compress: { minBytes: '10b', types: ['text/*'] } } },
  { name: 'compression by dictionaries', share: 0.2, route: { compress: { minBytes: '10b', dictionary: true } } },
  { name: 'security headers', share: 0.3, route: { securityHeaders: { preset: 'strict' } } },
  { name: 'cors', share: 0.3, route: { cors: { origins: 'https://*.example.com', methods: ['GET', 'PUT'] } } },
  { name: 'cors for everybody', share: 0.2, route: { cors: { origins: ['*'], methods: ['*'], headers: ['*'], exposed: ['*'] } }, check: forEverybody },
  { name: 'fault', share: 0.2, route: { fault: { delay: { percent: 10, time: '20ms' }, abort: { percent: 5 } } } },
  { name: 'error pages', share: 0.3, route: { errorPages: true } },
  { name: 'csrf', share: 0.2, route: { csrf: true } },
  { name: 'rate limit', share: 0.15, route: { rateLimit: { requests: 200, per: '1s', burst: 50 } } },
  { name: 'rate limits by key', share: 0.15, route: { rateLimit: [{ requests: 300, per: '1s', key: 'header:x-api-key', algorithm: 'sliding-window' }, { name: 'b', requests: 1_000, key: 'path', cost: { bytes: '10kb' } }] } },
  { name: 'concurrency', share: 0.2, route: { concurrency: { max: 6, queue: { max: 100, timeout: '2s' } } } },
  { name: 'adaptive concurrency', share: 0.1, route: { concurrency: { adaptive: true, queue: { max: 20, timeout: '300ms' } } } },
  { name: 'limit of uploads', share: 0.1, route: { limits: { bodyBytes: '100kb' } } },
  { name: 'access log', share: 0.2, listener: { accessLog: { slow: '1s' } } },
  { name: 'grpc-web', share: 0.2, route: { grpcWeb: true } },
  {
    name: 'auth',
    share: 0.3,
    route: {
      auth: { methods: [{ apiKeys: { keys: { alice: 'key-of-alice' } } }], optional: true },
      identity: { header: 'x-user', strip: true }
    }
  },
  { name: 'buffer', share: 0.3, route: { buffer: { request: '100kb' } } },
  { name: 'retry by key', share: 0.2, pool: { retry: { when: 'idempotency-key' } } },
  { name: 'mirror', share: 0.2, route: { mirror: { pool: 'shadow' } } },
  { name: 'decompress', share: 0.3, route: { decompress: true } },
  {
    name: 'match by cookie and body',
    share: 0.3,
    routes: [
      { name: 'cookie', match: { cookies: { a: '1' }, not: [{ methods: ['DELETE'] }] }, pool: 'site', headers: { response: { set: { 'X-Route': 'cookie' } } } },
      { name: 'body', match: { any: [{ body: { over: '60000b' } }, { methods: ['DELETE'] }] }, pool: 'site', headers: { response: { set: { 'X-Route': 'body' } } } }
    ],
    check: routedRight
  },
  {
    name: 'fixed answers',
    share: 0.3,
    routes: [
      { name: 'fixed', match: { pathPrefix: '/fixed/' }, respond: { body: '{host} {requestId}\n', headers: { 'X-Fixed': '{requestId}', 'Content-Type': 'text/plain' } } },
      { name: 'moved', match: { pathPrefix: '/moved/' }, redirect: { to: '/r{path}{query}', status: 308 } }
    ],
    check: fixedRight
  },
  { name: 'via on both sides', share: 0.2, listener: { via: true }, check: viaBoth },
  { name: 'pace of clients', share: 0.2, listener: { timeouts: { requestBody: '50s', minRate: { bytes: '100b', window: '30s' } } } },
  { name: 'access log to a file', share: 0.2, listener: { accessLog: { format: 'combined', file: '{folder}/access.log' } } },
  { name: 'access log of some fields', share: 0.1, listener: { accessLog: { format: 'json', fields: ['status', 'target', 'ms'], file: '{folder}/fields.log', rotate: { size: '64kb', keep: 2 } } } },
  { name: 'access log of connections', share: 0.2, relay: { accessLog: { file: '{folder}/fields.log', rotate: { size: '64kb', keep: 2 } } } },
  { name: 'problems', share: 0.2, route: { errorPages: true }, check: problems },
  { name: 'plugin', share: 0.2, config: { plugins: ['{plugins}/stamp.ts'] }, check: stamped },
  { name: 'plugin that turns answers', share: 0.2, config: { plugins: ['{plugins}/turn.ts'] }, check: turnedRight },
  { name: 'plugin that turns uploads', share: 0.2, config: { plugins: ['{plugins}/turn-uploads.ts'] } },
  { name: 'limit in Redis', share: 0.15, needs: 'redis', route: { rateLimit: { requests: 300, per: '1s', store: 'redis', mode: 'exact' } }, config: { redis: { url: '{redis}', timeout: '2s' } } },
  {
    name: 'cache in Redis',
    share: 0.15,
    needs: 'redis',
    route: { cache: { store: 'main', staleIfError: '60s' } },
    config: { caches: { main: { maxBytes: '16mb', maxObjectBytes: '1mb', store: 'redis' } }, redis: { url: '{redis}', timeout: '2s' } }
  },
  { name: 'Redis refuses', share: 0.15, needs: 'redis', config: { redis: { url: '{redis}', timeout: '200ms' } }, happening: 'redis' },
  { name: 'PROXY headers to backends', share: 0.2, http1Pool: { proxyProtocol: 'v2' }, bytes: { proxyProtocol: 'v2' }, stays: true },
  { name: 'stops after a while', share: 0.3, config: { shutdown: { delay: '300ms', grace: '30s' } }, stays: true },
  { name: 'priority', share: 0.15, route: { concurrency: { max: 6, queue: { max: 60, timeout: '2s' }, priority: { default: 'normal', routes: { cookie: 'high', body: 'low' }, header: 'x-priority' } } } },
  { name: 'adaptive concurrency with priority', share: 0.1, route: { concurrency: { adaptive: { min: 4, tolerance: 150 }, max: 40, queue: { max: 20, timeout: '300ms' }, priority: { default: 'low', header: 'x-priority' } } }, listener: { trustedProxies: ['127.0.0.1'] } },
  {
    name: 'introspection',
    share: 0.2,
    route: { auth: { methods: [{ introspection: { url: '{introspection}', clientId: 'lb', clientSecret: 'secret-of-lb', timeout: '2s', cache: '1s' } }], optional: true } },
    check: introspected
  },
  {
    name: 'bound tokens',
    share: 0.2,
    without: ['introspection'],
    route: { auth: { methods: [{ jwt: { issuer: 'https://idp.test', audience: 'lb', secret: SECRET, dpop: { nonce: NONCE_TIME, nonceSecret: SECRET } } }], optional: true } },
    tls: { clientAuth: { ca: '{ca}', required: false } },
    check: boundRight,
    checks: onceProven,
    // PROXY headers tell of the certificate.
    stays: true
  },
  {
    name: 'forward-auth',
    share: 0.2,
    without: ['introspection', 'bound tokens'],
    route: { auth: { methods: [{ forward: { url: '{forwardAuth}', timeout: '2s', cache: '1s' } }], optional: false } },
    check: closedHost
  },
  {
    name: 'keys in fields and cookies',
    share: 0.2,
    without: ['introspection', 'bound tokens', 'forward-auth'],
    route: { auth: { methods: [{ apiKeys: { keys: { alice: 'key-of-alice' }, header: 'x-api-key', cookie: 'key' } }], optional: true }, identity: { header: 'x-user', strip: true } },
    check: oneCredential,
    stays: true
  },
  { name: 'plugin that writes nonsense', share: 0.15, config: { plugins: ['{plugins}/nonsense.ts'] }, check: nonsenseEnds },
  { name: 'strict pace of clients', share: 0.1, listener: { timeouts: { requestBody: '4s', minRate: { bytes: '100b', window: '2s' } } }, check: paced, stays: true },
  { name: 'pages that change', share: 0.2, route: { errorPages: { '5xx': { file: '{folder}/page.html' }, '404': { file: '{folder}/page.html' } } }, happening: 'pages', check: pageWhole },
  { name: 'a folder of certificates', share: 0.2, tls: { certificates: { dir: '{folder}/pairs' } }, happening: 'certificates' },
  { name: 'ocsp', share: 0.15, tls: { certificates: ['{stapled}'], ocsp: true } },
  { name: 'drain with sessions', share: 0.2, pool: { sticky: { cookie: 'lb_backend' } }, happening: 'drain' },
  {
    name: 'matches by expressions',
    share: 0.2,
    without: ['match by cookie and body'],
    routes: [
      { name: 'old', match: { pathRegex: '^/old/([^/]+)/(.*)$' }, redirect: { to: '/new/$2/$1{query}', status: 301 } },
      { name: 'language', match: { headers: { 'x-language': { regex: '^(?:en|de)$' } } }, pool: 'site', headers: { response: { set: { 'X-Route': 'language' } } } }
    ],
    check: expressionsRight
  },
  { name: 'client certificates', share: 0.15, without: ['bound tokens'], tls: { clientAuth: { ca: '{ca}', required: true } }, stays: true },
  { name: 'log that is moved away', share: 0.2, without: ['access log of some fields'], listener: { accessLog: { format: 'combined', file: '{folder}/access.log' } }, happening: 'rotate', stays: true },
  { name: 'backends by name', share: 0.2, stays: true },
  { name: 'two workers', share: 0.15, without: ['backends by name'] },
  { name: 'reload', share: 0.3, happening: 'reload' },
  { name: 'other names of listeners', share: 0.4, with: ['reload'], stays: true },
  { name: 'backends that refuse sessions', share: 0.2 },
  { name: 'TLS 1.3 only', share: 0.2, tls: { minVersion: 'TLSv1.3' } },
  { name: 'few streams', share: 0.2, listener: { http2: { maxStreams: 2, idle: '1s' }, timeouts: { keepAlive: '1s' } } },
  { name: 'worker death', share: 0.15, happening: 'worker-death', without: ['backends by name'] },
  { name: 'discovery', share: 0.2, happening: 'discovery' },
  { name: 'discovery by DNS', share: 0.2, happening: 'dns', without: ['backends by name', 'backends that go down', 'discovery', 'drain with sessions'], check: neverEmpty },
  { name: 'a second instance', share: 0.7, needs: 'redis', with: ['cache in Redis', 'limit in Redis'], without: ['reload', 'worker death', 'log that is moved away', 'drain with sessions', 'pages that change', 'a folder of certificates'] },
  // Last, since it does not go with what comes before.
  { name: 'stops in the midst', share: 0.1, config: { shutdown: { grace: '30s' } }, happening: 'stop', without: ['stops after a while', 'certificates', 'a folder of certificates', 'drain with sessions', 'reload', 'worker death', 'discovery', 'discovery by DNS', 'a second instance'] }
] // prettier-ignore
