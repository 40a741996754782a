/**
 * Every default of the configuration, written as a user would write it. The schemas, the JSON Schema and docs/config.md
 * use these values.
 */
export const defaults = {
  workers: 'auto',
  shutdown: { grace: '30s', delay: '0s' },
  log: { level: 'info' },
  listener: {
    l4: { idle: '10m', halfClose: '1m', handshake: '5s' },
    l7: {
      handshake: '10s',
      requestHeaders: '10s',
      idle: '60s',
      minRate: { bytes: '20b', window: '30s' },
      keepAlive: '75s',
      tunnel: '1h'
    },
    http2: { maxStreams: 128, idle: '75s' },
    limits: { headBytes: '16kb', headerCount: 100, urlBytes: '8kb' },
    protocols: ['http/1.1'],
    protocol: 'tcp',
    udp: { idle: '30s', maxSessions: 100_000, receiveBuffer: '4mb' },
    accessLog: { enabled: false, sample: 1, format: 'json', keep: 5 },
    backendHeader: false,
    redirectToHttps: false,
    trace: false,
    via: 'response',
    paths: { encodedSlash: 'agree', mergeSlashes: true, semicolons: 'agree' }
  },
  tls: {
    selfSigned: false,
    minVersion: 'TLSv1.2',
    clientAuth: { required: true, forward: false },
    verify: true
  },
  acme: {
    directory: 'letsencrypt',
    challenge: 'tls-alpn-01',
    storage: '/var/lib/lb/acme',
    rate: '10/h'
  },
  oidc: {
    callback: '/.lb/oidc/callback',
    logout: '/.lb/oidc/logout',
    backchannel: '/.lb/oidc/backchannel',
    frontchannel: '/.lb/oidc/frontchannel',
    cookie: 'lb_session'
  },
  redirect: { status: 302 },
  respond: { status: 200, body: '' },
  cache: {
    maxBytes: '64mb',
    maxObjectBytes: '1mb',
    store: 'memory',
    heuristic: '10%',
    sortQuery: false,
    coalesce: true,
    setCookie: 'shared',
    staleWhileRevalidate: '0s',
    staleIfError: '0s'
  },
  protocol: 'http1',
  backend: { weight: 1, backup: false },
  hash: { key: 'client-ip' },
  probe: {
    interval: '5s',
    timeout: '2s',
    downInterval: '1s',
    jitter: '10%',
    rise: 2,
    fall: 3,
    path: '/',
    method: 'GET',
    status: '200-399',
    service: '',
    user: 'lb',
    verify: false
  },
  breaker: { failures: 5, open: '10s', maxOpen: '60s', statuses: [500, 502, 503, 504] },
  outlier: { interval: '10s', minRequests: 20, errorShare: '30%', eject: '30s', maxEjected: '30%' },
  retry: {
    attempts: 2,
    budget: '20%',
    on: ['connect-failure', 'reset'],
    when: 'idempotent',
    nonIdempotent: false
  },
  queue: { max: 100, timeout: '1s' },
  sticky: { secure: 'auto', sameSite: 'lax' },
  slowStart: '0s',
  panicThreshold: '0%',
  connections: { maxIdle: 64, pipelining: 1 },
  mirror: { max: 100, timeout: '10s' },
  pool: {
    connect: '3s',
    response: '60s',
    idle: '60s',
    keepAlive: '55s',
    onDown: 'keep',
    onUp: 'keep',
    onRemoved: 'keep'
  }
} as const
