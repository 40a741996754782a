import type { Seeded } from '../../http-battery/seeded.ts'
import type { Plan } from './plan.ts'

/** Something of L7 that is on in some of the generated worlds. */
export interface WorldFeature {
  readonly name: string
  readonly share: number
  /** Over the pool's configuration. */
  readonly pool?: object
  /** Over the route's. */
  readonly route?: object
  /** Over the whole configuration. */
  readonly config?: object
  /** Backends speak TLS, and take this long before they do. */
  readonly tlsAfterMs?: number
}

/** Something that is so with some of the generated requests. */
export interface RequestFeature {
  readonly name: string
  readonly share: number
  apply(plan: Plan, seeded: Seeded): void
}

const sizes = [1, 100, 8_192, 8_193, 65_536, 65_537, 200_000]

/** Add a line to have a feature combined with all the others. */
export const worldFeatures: readonly WorldFeature[] = [
  { name: 'slow TLS dial', share: 0.5, tlsAfterMs: 40 },
  { name: 'pipelining', share: 0.5, pool: { connections: { pipelining: 8 } } },
  { name: 'retry of statuses', share: 0.5, pool: { retry: { attempts: 2, on: ['connect-failure', 'reset', 503] } } },
  { name: 'no retry', share: 0.2, pool: { retry: false } },
  { name: 'short lives', share: 0.3, pool: { connections: { maxRequests: 3, maxAge: '1s' } } },
  { name: 'few connections', share: 0.3, pool: { connections: { maxIdle: 2 } } },
  {
    name: 'cache with stale-if-error',
    share: 0.5,
    route: { cache: { store: 'main', staleIfError: '60s' } },
    config: { caches: { main: { maxBytes: '16mb', maxObjectBytes: '1mb' } } }
  },
  { name: 'header edits', share: 0.3, route: { headers: { response: { set: { 'X-Edited': 'yes' } } } } },
  { name: 'compression', share: 0.4, route: { compress: { minBytes: '10b', types: ['text/*'] } } },
  { name: 'security headers', share: 0.3, route: { securityHeaders: { preset: 'strict' } } },
  { name: 'cors', share: 0.3, route: { cors: { origins: 'https://*.example.com', methods: ['GET', 'PUT'] } } },
  { name: 'fault', share: 0.2, route: { fault: { delay: { percent: 10, time: '20ms' }, abort: { percent: 5 } } } },
  { name: 'error pages', share: 0.3, route: { errorPages: true } },
  { name: 'csrf', share: 0.2, route: { csrf: true } },
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
  { name: 'mirror', share: 0.2, route: { mirror: { pool: 'shadow' } } }
] // prettier-ignore

export const requestFeatures: readonly RequestFeature[] = [
  {
    name: 'upload',
    share: 0.4,
    apply(plan, seeded) {
      plan.method = seeded.of(['PUT', 'POST'])
      plan.upload = seeded.of(sizes)
      plan.chunkedUpload = seeded.chance(0.5)
      plan.pieceMs = seeded.of([0, 0, 5])
    }
  },
  { name: 'HEAD', share: 0.15, apply: (plan) => void (plan.method = 'HEAD') },
  { name: 'DELETE', share: 0.1, apply: (plan) => void (plan.method = 'DELETE') },
  {
    name: 'kept connection closed unanswered',
    share: 0.25,
    apply(plan, seeded) {
      plan.closesKept = true
      plan.closesAfter = seeded.of([0, 0, 1, 10_000])
    }
  },
  { name: 'statuses', share: 0.25, apply: (plan, seeded) => void (plan.status = seeded.of([204, 304, 404, 500, 503, 503])) },
  { name: 'no body', share: 0.2, apply: (plan) => void (plan.size = 0) },
  {
    name: 'body',
    share: 0.4,
    apply(plan, seeded) {
      plan.size = seeded.of(sizes)
      plan.framing = seeded.of(['length', 'chunked', 'close'])
    }
  },
  { name: 'interim responses', share: 0.15, apply: (plan, seeded) => void (plan.interim = 1 + seeded.below(3)) },
  { name: 'drip', share: 0.15, apply: (plan, seeded) => void (plan.drip = 1 + seeded.below(5)) },
  { name: 'close after', share: 0.15, apply: (plan) => void (plan.closesAfterwards = true) },
  { name: 'early answer', share: 0.05, apply: (plan) => void (plan.early = true) },
  { name: 'no answer', share: 0.02, apply: (plan) => void (plan.hangs = true) },
  {
    name: 'cacheable',
    share: 0.4,
    apply(plan, seeded) {
      if (plan.method !== 'GET' && plan.method !== 'HEAD') return
      plan.path = `/c/${seeded.below(6)}`
      plan.cacheControl = seeded.of(['max-age=0, stale-if-error=60', 'max-age=1', 'max-age=60', 'no-store'])
    }
  },
  {
    name: 'accepts codings',
    share: 0.4,
    apply: (plan, seeded) =>
      void (plan.fields += `Accept-Encoding: ${seeded.of(['gzip', 'br', 'zstd', 'deflate', 'gzip;q=0.5, *;q=0'])}\r\n`)
  },
  { name: 'origin', share: 0.2, apply: (plan) => void (plan.fields += 'Origin: https://a.example.com\r\nSec-Fetch-Site: same-origin\r\n') },
  { name: 'api key', share: 0.2, apply: (plan) => void (plan.fields += 'X-Api-Key: key-of-alice\r\n') },
  { name: 'ntlm', share: 0.05, apply: (plan) => void (plan.fields += 'Authorization: NTLM dGVzdA==\r\n') }
] // prettier-ignore
