import type { Seeded } from '../../http-battery/seeded.ts'
import { CLOSED_HOST } from './services/forward-auth.ts'
import { LET_THROUGH, REFUSED } from './services/nonsense.ts'
import { FORGED, type Plan } from './plan.ts'

/** Something that is so with some of the generated requests. */
export interface RequestFeature {
  readonly name: string
  readonly share: number
  /** Only where HTTP/2 is spoken on both sides, or with backends. */
  readonly http2?: 'both' | 'backend'
  /** Only where the world has this feature. */
  readonly world?: string
  apply(plan: Plan, seeded: Seeded): void
}

const sizes = [1, 100, 8_192, 8_193, 65_536, 65_537, 200_000]

/** In the order in which they are applied. Add a line to have one combined with all the others. */
export const requestFeatures: readonly RequestFeature[] = [
  {
    name: 'upload',
    share: 0.5,
    apply(plan, seeded) {
      plan.method = seeded.of(['PUT', 'POST'])
      plan.upload = seeded.of(sizes)
      plan.chunkedUpload = seeded.chance(0.5)
      plan.pieceMs = seeded.of([0, 0, 0, 5])
      plan.expects = seeded.chance(0.1)
    }
  },
  {
    name: 'encoded upload',
    share: 0.2,
    apply(plan, seeded) {
      if (plan.upload > 0 && !plan.expects) plan.coding = seeded.of(['gzip', 'deflate', 'br', 'zstd'])
    }
  },
  {
    name: 'octets and odd pieces',
    share: 0.15,
    apply(plan, seeded) {
      plan.piece = plan.upload <= 8_193 ? seeded.of([1, 7, 1_021]) : seeded.of([1_021, 4_093, 16_385])
    }
  },
  { name: 'HEAD', share: 0.1, apply: (plan) => void (plan.method = 'HEAD') },
  { name: 'DELETE', share: 0.05, apply: (plan) => void (plan.method = 'DELETE') },
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
  {
    name: 'answer cut',
    share: 0.06,
    apply(plan) {
      plan.cuts = true
      if (plan.framing === 'close') plan.framing = 'chunked'
    }
  },
  {
    name: 'answer in octets and odd pieces',
    share: 0.1,
    apply(plan, seeded) {
      plan.answerPiece = plan.size <= 8_193 ? seeded.of([1, 7, 1_021]) : seeded.of([1_021, 4_093, 16_385])
    }
  },
  { name: 'interim responses', share: 0.15, apply: (plan, seeded) => void (plan.interim = 1 + seeded.below(3)) },
  { name: 'drip', share: 0.1, apply: (plan, seeded) => void (plan.drip = 1 + seeded.below(5)) },
  { name: 'close after', share: 0.15, apply: (plan) => void (plan.closesAfterwards = true) },
  { name: 'versions of HTTP/1', share: 0.15, apply: (plan, seeded) => void (plan.version = plan.framing === 'chunked' ? '1.2' : seeded.of(['1.0', '1.2'])) },
  { name: 'padded chunks', share: 0.15, apply: (plan, seeded) => void (plan.padding = seeded.of([' ', '      ', '\t'])) },
  { name: 'GOAWAY', share: 0.05, http2: 'backend', apply: (plan, seeded) => void (plan.goesAway = { when: seeded.of(['asked', 'uploading', 'answering', 'answered']), refuses: seeded.chance(0.3), error: seeded.chance(0.3) }) },
  { name: 'early answer', share: 0.05, apply: (plan) => void (plan.early = true) },
  { name: 'no answer', share: 0.01, apply: (plan) => void (plan.hangs = true) },
  { name: 'slow reader', share: 0.1, apply: (plan) => void (plan.slowReader = true) },
  { name: 'client leaves', share: 0.07, apply: (plan, seeded) => Object.assign(plan, { leaves: seeded.of(['sending', 'waiting', 'reading']), leavesAfterMs: seeded.of([0, 1, 10, 50]), resets: seeded.chance(0.5) }) },
  { name: 'half-close', share: 0.05, apply: (plan) => void (plan.halfCloses = true) },
  { name: 'stalls', share: 0.05, world: 'strict pace of clients', apply: (plan) => void (plan.stalls = plan.upload > 1 && plan.leaves === undefined) },
  { name: 'preflight', share: 0.05, apply: (plan) => Object.assign(plan, { method: 'OPTIONS', fields: 'Origin: https://a.example.com\r\nAccess-Control-Request-Method: PUT\r\nAccess-Control-Request-Headers: x-a, x-b\r\n' }) },
  {
    name: 'cacheable',
    share: 0.5,
    apply(plan, seeded) {
      if (plan.method !== 'GET' && plan.method !== 'HEAD') return
      plan.path = `/c/${seeded.below(6)}`
      plan.cacheControl = seeded.of(['max-age=0, stale-if-error=60', 'max-age=1', 'max-age=60', 'public, max-age=60', 'no-store', 'private, max-age=60'])
      if (seeded.chance(0.2)) plan.fields += `Range: bytes=${seeded.of(['0-9', '5-', '-7', '8192-70000', '0-0'])}\r\n`
      if (seeded.chance(0.1)) plan.fields += 'If-None-Match: "x", "y"\r\n'
      if (seeded.chance(0.1)) plan.fields += 'Cache-Control: no-cache\r\n'
    }
  },
  { name: 'writes what is cached', share: 0.15, apply: (plan, seeded) => void (/^(?:PUT|POST|DELETE)$/.test(plan.method) && (plan.path = `/c/${seeded.below(6)}`)) },
  { name: 'trailers', share: 0.2, apply: (plan) => void (plan.trails = true) },
  {
    name: 'languages',
    share: 0.2,
    apply(plan, seeded) {
      plan.path = plan.path.replace('/c/', '/v/')
      plan.fields += `X-Language: ${seeded.of(['en', 'de', 'constructor'])}\r\n`
      plan.answerFields += 'Vary: X-Language\r\n'
    }
  },
  { name: 'cookies of its own', share: 0.15, apply: (plan) => void (plan.answerFields += `Set-Cookie: own=${plan.id}\r\n`) },
  { name: 'cookies', share: 0.15, apply: (plan, seeded) => void (plan.fields += `Cookie: a=${seeded.below(3)}; lb_backend=nonsense\r\n`) },
  { name: 'authorization', share: 0.1, apply: (plan) => void (plan.fields += `Authorization: Bearer ${plan.id}\r\n`) },
  {
    name: 'accepts codings',
    share: 0.4,
    apply: (plan, seeded) =>
      void (plan.fields += `Accept-Encoding: ${seeded.of(['gzip', 'br', 'zstd', 'deflate', 'gzip;q=0.5, *;q=0'])}\r\n`)
  },
  {
    name: 'origin',
    share: 0.2,
    apply(plan) {
      if (plan.method !== 'OPTIONS') plan.fields += 'Origin: https://a.example.com\r\nSec-Fetch-Site: same-origin\r\n'
    }
  },
  { name: 'words of a proxy', share: 0.2, apply: (plan) => void (plan.fields += `Client_Cert: ${FORGED}\r\nX_Real_IP: ${FORGED}\r\nCF.Connecting.IP: ${FORGED}\r\n`) },
  { name: 'path parameters', share: 0.1, apply: (plan) => void (plan.path = plan.path.replace(/^\/r\/.*/, '$&;v=1')) },
  { name: 'api key', share: 0.2, apply: (plan) => void (plan.fields += 'X-Api-Key: key-of-alice\r\n') },
  { name: 'priority', share: 0.3, apply: (plan, seeded) => void (plan.fields += `X-Priority: ${seeded.of(['high', 'normal', 'low'])}\r\n`) },
  { name: 'idempotency key', share: 0.2, apply: (plan) => void (plan.fields += `Idempotency-Key: ${plan.id}\r\n`) },
  { name: 'ntlm', share: 0.03, apply: (plan) => void (plan.fields = plan.fields.replace(/Authorization: .*\r\n/, '') + 'Authorization: NTLM dGVzdA==\r\n') },
  {
    name: 'bound tokens',
    share: 0.3,
    world: 'bound tokens',
    apply(plan, seeded) {
      plan.bound = seeded.of(['proof', 'proof', 'proof', 'seen proof', 'no nonce', 'guessed nonce', 'no proof', 'stolen proof', 'certificate', 'certificate', 'no certificate'])
      plan.fields = plan.fields.replace(/Authorization: .*\r\n/, '')
      if (plan.bound === 'seen proof') Object.assign(plan, { method: 'GET', path: '/r/seen', coding: undefined, cacheControl: 'no-store' })
    }
  },
  { name: 'other hosts', share: 0.15, apply: (plan, seeded) => void (plan.host = seeded.of(['lb.test', CLOSED_HOST, 'other.test'])) },
  { name: 'absolute targets', share: 0.15, apply: (plan, seeded) => void (plan.otherHost = seeded.of(['lb.test', CLOSED_HOST, 'other.test'])) },
  {
    name: 'nonsense of a plugin',
    share: 0.15,
    world: 'plugin that writes nonsense',
    apply(plan, seeded) {
      plan.nonsense = seeded.of([...REFUSED, ...LET_THROUGH])
      plan.fields += `X-Nonsense: ${plan.nonsense}\r\n`
    }
  },
  { name: 'two sticky cookies', share: 0.1, apply: (plan, seeded) => void (plan.fields += `Cookie: lb_backend={sticky}${seeded.of(['', '; lb_backend=nonsense', '; lb_backend={sticky}'])}\r\n`) },
  { name: 'accepts problems', share: 0.2, apply: (plan) => void (plan.fields += 'Accept: application/problem+json\r\n') },
  { name: 'fixed answers', share: 0.05, apply: (plan, seeded) => void (plan.path = `/${seeded.of(['fixed', 'moved'])}/${plan.id}?a=%22<b>`) },
  { name: 'old addresses', share: 0.1, world: 'matches by expressions', apply: (plan, seeded) => void (plan.path = `/old/${plan.id}/b.c${seeded.of(['', '?', '?a=%22&b'])}`) },
  {
    name: 'grpc',
    share: 0.2,
    http2: 'both',
    apply(plan) {
      Object.assign(plan, { grpc: true, method: 'POST', path: `/x.Y/${plan.id}`, status: 200, expects: false })
      if (plan.upload === 0) Object.assign(plan, { upload: 100, chunkedUpload: true })
      plan.coding = undefined
    }
  },
  {
    name: 'grpc from a page',
    share: 0.2,
    http2: 'backend',
    apply(plan) {
      Object.assign(plan, { grpc: true, grpcWeb: true, method: 'POST', path: `/x.Y/${plan.id}`, status: 200, expects: false })
      if (plan.upload === 0) Object.assign(plan, { upload: 100, chunkedUpload: true })
      plan.coding = undefined
    }
  },
  { name: 'turned uploads', share: 0.4, world: 'plugin that turns uploads', apply: (plan, seeded) => void (plan.grpc || (plan.fields += `X-Turn-Upload: ${seeded.of(['chunked', 'as long'])}\r\n`)) },
  { name: 'turned answers', share: 0.4, world: 'plugin that turns answers', apply: (plan) => void (plan.grpc || (plan.fields += 'X-Turn: yes\r\n')) },
  {
    name: 'two credentials',
    share: 0.1,
    world: 'keys in fields and cookies',
    apply: (plan, seeded) => void (plan.fields = plan.fields.replace(/X-Api-Key: .*\r\n/, '') + seeded.of(['X-Api-Key: key-of-alice\r\nX-Api-Key: key-of-mallory\r\n', 'Cookie: key=key-of-alice\r\nCookie: key=key-of-mallory\r\n', 'Cookie: key=key-of-mallory; key=key-of-alice\r\n']))
  },
  { name: 'forged names', share: 0.2, world: 'keys in fields and cookies', apply: (plan) => void (plan.fields += `X-User: ${FORGED}\r\n`) }
] // prettier-ignore
