import { createHash } from 'node:crypto'
import type { Answer } from './clients/answer.ts'
import type { Check } from './checks.ts'
import { MainsUp } from './happenings/downs.ts'
import { Purges } from './happenings/purges.ts'
import { Stickiness } from './stickiness.ts'
import type { Questions } from './clients/asks-first.ts'
import { bytesOf, fieldOf, isBodiless, type Plan } from './plan.ts'

interface Expected {
  readonly plan: Plan
  readonly hash: string
  readonly askedAt: number
  /** When a backend had it whole, last. */
  takenAt: number
  /** How often backends took it for whole, mirrors aside. */
  taken: number
}

/** Keeps what was asked, and says what must not be. */
export class Judge {
  /** In words; empty when all is well. */
  readonly wrong: string[] = []
  /** Uploads that a backend has taken, each of which was compared. */
  uploads = 0
  /** Answers that a backend made, or the cache, whole and compared. */
  answered = 0
  /** Answers that lb waited for in vain, although a backend was to give them. */
  waits = 0
  /** A worker dies in this world: what has no length may end anywhere. */
  dying = false
  /** Nothing here ends an answer that a backend has sent whole. */
  keepsWhole = false
  /** Clients have to keep up a pace. */
  strict = false
  /** A backend that is gone looks like the end of an answer that lasts until then. */
  endsLikeWhole = false
  /** Backends stand still now and then. */
  freezes = false
  readonly purges = new Purges()
  readonly mainsUp = new MainsUp(this.wrong)
  /** The third backend is one. */
  backups = false
  readonly sticky = new Stickiness()
  /** All that were given, where they are looked at once more. */
  answers: Answer[] | undefined
  /** Clients that showed a certificate that is not accepted, and those of them that were told so. */
  readonly foreign = { asked: 0, told: 0 }
  /** Of handshakes over TLS; see `Doors`. */
  readonly staples = { got: 0, missing: 0 }
  readonly questions: Questions = { yes: 0, no: 0 }
  /** What the features of this world promise. */
  checks: readonly Check[] = []
  readonly #expected = new Map<string, Expected>()

  asked(plan: Plan): void {
    const hash = createHash('sha256').update(bytesOf(plan.id, plan.upload)).digest('hex')
    this.#expected.set(plan.id, { plan, hash, askedAt: performance.now(), takenAt: 0, taken: 0 })
  }

  /** A backend has this request whole. */
  taken(plan: Plan, upload: { readonly bytes: number; readonly hash: string }, mirrored: boolean): void {
    const expected = this.#expected.get(plan.id)!
    if (!mirrored) expected.takenAt = performance.now()
    if (isForeign(plan))
      this.wrong.push(`carried out for a certificate that is not accepted: ${JSON.stringify(plan)}`)
    if (!mirrored && ++expected.taken > 1 && plan.method === 'POST' && !mayRepeat(plan)) {
      this.wrong.push(`carried out ${expected.taken} times: ${JSON.stringify(plan)}`)
    }
    if (plan.upload === 0) return
    this.uploads++
    if (upload.bytes === plan.upload && upload.hash === expected.hash) return
    const told = JSON.stringify(plan)
    this.wrong.push(`${plan.id}: ${upload.bytes} of ${plan.upload} bytes taken for whole: ${told}`)
  }

  /** What comes from a backend is whole, and the answer to what was asked; errors of lb are its own. */
  answer(answer: Answer, kind: string, mayBeCut = false): void {
    const { plan, status, head, body, whole, byClose, trailers, late } = answer
    const from = fieldOf(head, 'x-id')
    const told = `${kind} ${JSON.stringify({ status, head, plan })}`
    const fail = (words: string): void => void this.wrong.push(`${words}: ${told}`)
    this.answers?.push(answer)
    if (late) fail('no answer within a minute')
    if (isForeign(plan)) return this.#refused(answer, fail)
    if (status === 500 && from === undefined && plan.nonsense === '') fail('internal error')
    // Backends here take what comes, as long as they are there.
    if (!this.freezes && !plan.stalls && status === 504 && head.includes('LB_UPSTREAM_IDLE'))
      fail('given up with a part of the body held')
    if (status === 504 && head.includes('LB_RESPONSE_TIMEOUT') && !plan.hangs) this.waits++
    const isSlow = status === 408 && this.strict && plan.upload > 0
    if ((status === 400 || status === 408) && !isSlow) fail('refused what was right')
    const stuck = from === plan.id && whole ? this.sticky.check(answer) : undefined
    if (stuck !== undefined) fail(stuck)
    for (const check of whole && status > 0 && !kind.startsWith('l4') ? this.checks : []) {
      const words = check(answer)
      if (words !== undefined) fail(words)
    }
    if (from !== undefined && !whole && this.keepsWhole && !mayBeCut && !kind.startsWith('l4')) {
      const made = this.#expected.get(from)?.plan ?? plan
      if (!made.cuts && !made.early && !plan.early) fail('an answer cut')
    }
    if (from === undefined || !whole || (byClose === true && (plan.cuts || this.dying))) return
    this.answered++
    const made = this.#expected.get(from)
    const asked = made?.plan
    if (asked === undefined) return fail('answer of nobody')
    if (asked !== plan) this.#shared(plan, asked, head, fail)
    const { askedAt, takenAt } = this.#expected.get(plan.id)!
    if (asked === plan && isWrite(plan) && status < 400 && takenAt > 0)
      this.purges.wrote(plan, askedAt, takenAt)
    if (asked !== plan && made!.takenAt > 0 && !this.purges.allow(plan, askedAt, made!.takenAt))
      fail('served what was purged')
    const byBackup = this.backups && fieldOf(head, 'x-origin') === '3'
    if (byBackup && kind.startsWith('l4') && this.mainsUp.forMs > LEFT_AFTER_MS)
      fail('left at a backup although the others are up')
    if (isBodiless(plan, status) || (this.endsLikeWhole && asked.framing === 'close')) return
    const size = Number(fieldOf(head, 'x-size'))
    const meant = bytesOf(from, size)
    const range = /bytes (\d+)-(\d+)\/(\d+)/.exec(fieldOf(head, 'content-range') ?? '')
    if (status === 206 && Number(range![3]) !== size) fail('a part of something else')
    const right = status === 206 ? meant.subarray(Number(range![1]), Number(range![2]) + 1) : meant
    if (!body.equals(right)) fail(`${body.length} of ${right.length} bytes`)
    const sum = fieldOf(`\r\n${trailers ?? ''}`, 'x-sum')
    if (sum !== undefined && sum !== from) fail(`trailers of ${sum}`)
    if (plan.grpc && !isUntold(plan, head) && !trailers?.includes('grpc-status: 0\r\n'))
      fail('a call without its trailers')
  }

  /** Over TLS on L7 it is told why, unless the end of the connection came first. */
  #refused({ plan, status, head }: Answer, fail: (words: string) => void): void {
    this.foreign.asked++
    const told = head.includes('LB_CLIENT_CERTIFICATE')
    if (told) this.foreign.told++
    if (fieldOf(head, 'x-id') !== undefined) fail('answered in spite of the certificate')
    else if (status !== 0 && !told && plan.nonsense === '') fail('not told of the certificate')
  }

  /** The answer was made for another request. */
  #shared(plan: Plan, asked: Plan, head: string, fail: (words: string) => void): void {
    if (asked.path !== plan.path) return fail(`answer of another request, ${JSON.stringify(asked)}`)
    const language = (of: Plan): string | undefined => fieldOf(`\r\n${of.fields}`, 'x-language')
    if (asked.host !== plan.host) fail(`of the host ${asked.host}`)
    if (language(plan) !== language(asked)) fail(`in the language of ${asked.id}`)
    if (/no-store|private/.test(asked.cacheControl)) fail('shared what is private')
    const consents = /public|s-maxage/.test(asked.cacheControl)
    if (fieldOf(`\r\n${asked.fields}`, 'authorization') !== undefined && !consents) {
      fail('shared what was authorised')
    }
    if (/\r\nset-cookie: own=/i.test(head) && !consents) fail(`with a cookie of ${asked.id}`)
  }
}

function isWrite({ method, door }: Plan): boolean {
  return /^(?:PUT|POST|DELETE)$/.test(method) && !door.startsWith('l4')
}

/** Connections to backups are ended before this is over. */
const LEFT_AFTER_MS = 1_000

/** Shown where it counts. */
function isForeign({ certificate, door }: Plan): boolean {
  return certificate === 'foreign' && door.endsWith('tls')
}

/** Without gRPC-Web on the route HTTP/1.1 clients see no trailers. */
function isUntold({ grpcWeb }: Plan, head: string): boolean {
  return grpcWeb && fieldOf(head, 'content-type')?.startsWith('application/grpc-web') !== true
}

function mayRepeat({ grpc, fields }: Plan): boolean {
  return grpc || /^idempotency-key:/im.test(fields)
}
