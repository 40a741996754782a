import { performance } from 'node:perf_hooks'
import type { Backend } from '../../../balancer/pool/backend.ts'
import type { PickContext } from '../../../balancer/pool/pick-context.ts'
import type { Pool } from '../../../balancer/pool/pool.ts'
import type { RetryConfig } from '../../../config/model/model.ts'
import { MAX_SESSION_REPEATS } from '../../../net/tls/upstream-tls.ts'
import type { Outgoing } from '../forward-owner.ts'
import { GRPC_UNAVAILABLE } from './grpc-outcome.ts'
import type { HeaderBlock } from '../../message/header-block.ts'
import { isIdempotent } from '../../message/methods.ts'
import { ReplayBuffer } from './replay-buffer.ts'
import type { Outcome } from '../../../balancer/pool/lease.ts'
import type { Deadlines } from '../../../core/deadlines.ts'

interface Head {
  readonly status: number
  readonly headers: HeaderBlock
}

/** What was tried for one request, and whether it may be tried again (RFC 9110 §9.2.2). */
export class Attempts {
  readonly #retry: RetryConfig
  readonly #budget: RetryBudget
  readonly #request: Outgoing
  readonly #mayBeRefused: boolean
  /** Tries after the first. */
  made = 0
  /** Until when one that is refused by all may be tried again (`queue.whileDown`); from the first refusal on. */
  downUntil: number | undefined
  tried: Backend[] | undefined
  /** Some of the body has been sent. */
  bodyBegun = false
  /** One further attempt when a kept connection turns out to be closed. */
  #stale = 1
  /** Further attempts after a TLS session came to nothing. */
  #session = MAX_SESSION_REPEATS
  /** Further attempts after a backend said that it did not process the request. */
  #refused = 3
  #replay: ReplayBuffer | undefined
  readonly #atHand: number
  #answered = false

  /**
   * `mayBeRefused`: the pool speaks a version in which a backend can say that it did nothing. `atHand`: bytes of the body that
   * are kept, though they are more than usual.
   */
  constructor(retry: RetryConfig, budget: RetryBudget, request: Outgoing, mayBeRefused = false, atHand = 0) {
    this.#atHand = atHand
    this.#mayBeRefused = mayBeRefused
    this.#retry = retry
    this.#budget = budget
    this.#request = request
  }

  /** What was sent of the body, as far as it is kept. */
  get sent(): readonly Buffer[] {
    return this.#replay?.chunks ?? []
  }

  bodySent(buffer: Buffer, start: number, end: number): void {
    this.bodyBegun = true
    const again = this.#mayBeRefused || (this.#retry.attempts > 0 && this.#safeMethod)
    if (this.#answered || !again) return
    ;(this.#replay ??= new ReplayBuffer(this.#atHand)).add(buffer, start, end)
  }

  /** A response has begun: there is no further attempt, so the kept body is dropped. */
  answered(): void {
    this.#answered = true
    this.#replay?.drop()
  }

  failed(backend: Backend | undefined): void {
    this.made++
    if (backend !== undefined) (this.tried ??= []).push(backend)
  }

  /**
   * The number of tries, the method, the body and the budget allow another one. When nothing was sent the budget is
   * not asked: each request still reaches one backend only, so trying on adds no load.
   */
  mayRetry(nothingSent: boolean): boolean {
    if (this.made >= this.#retry.attempts) return false
    return nothingSent || (this.#repeatable && this.#budget.tryRetry())
  }

  /** What the balancer is told for the next pick of `pool`. */
  pickContext(pool: string): PickContext {
    const { tried, downUntil } = this
    const { context, client } = this.#request
    // The backend that the client has authenticated a connection to knows it; the others do not.
    const own = client?.ties?.backendIn(pool)
    if (tried === undefined && own === undefined) return context
    return {
      ...context,
      ...(own !== undefined && { sticky: own }),
      ...(tried !== undefined && { tried, waitUntil: downUntil })
    }
  }

  /** A connection was refused, so nothing was sent: any method may be tried elsewhere, or wait for `queue.whileDown`. */
  mayTryOn(pool: Pool): boolean {
    this.downUntil ??= pool.downUntil()
    return !pool.isPast(this.downUntil) || (this.#retry.on.includes('connect-failure') && this.mayRetry(true))
  }

  /** An answer that `retry.on` names. UNAVAILABLE in the head of a call: by its own word the backend did not carry it out. */
  mayRetryAnswer({ status, headers }: Head): boolean {
    const { on } = this.#retry
    if (on.includes(status)) return this.mayRetry(false)
    if (!this.#mayBeRefused || !on.includes('grpc-unavailable')) return false
    if (headers.first('grpc-status') !== GRPC_UNAVAILABLE || this.made >= this.#retry.attempts) return false
    return (!this.bodyBegun || this.#replay?.whole === true) && this.#budget.tryRetry()
  }

  /** Counted once per request, however many attempts it took. */
  mayRepeatStale(): boolean {
    return this.#repeatable && this.#stale-- > 0
  }

  /** A kept connection was closed: others of the backend may be too, so the next attempt gets a new one (RFC 9110 §9.2.2: it is the last). */
  get needsNew(): boolean {
    return this.#stale < 1
  }

  /** The TLS session that a connection began with is not offered again. */
  mayRepeatSession(): boolean {
    return this.#session-- > 0
  }

  /** The backend did nothing with it, so any method may be sent again, if its body is at hand. */
  mayRepeatRefused(): boolean {
    if (this.bodyBegun && this.#replay?.whole !== true) return false
    return this.#refused-- > 0
  }

  /** A backend of the pool that has not been tried is there. */
  elsewhere(pool: Pool, current: Backend): boolean {
    return pool.backends.some((one) => one !== current && one.available && this.tried?.includes(one) !== true)
  }

  get #repeatable(): boolean {
    if (this.#request.upgrade !== '' || (this.bodyBegun && this.#replay?.whole !== true)) return false
    return this.#safeMethod
  }

  get #safeMethod(): boolean {
    const { nonIdempotent, when } = this.#retry
    if (nonIdempotent || when === 'always' || isIdempotent(this.#request.method)) return true
    return when === 'idempotency-key' && this.#request.headers.has('idempotency-key')
  }
}

/** When the steps of a forwarded request were, of the last attempt; in ms of performance.now(). */
export class ForwardTimes {
  /** Waits for a place, over all attempts. */
  queueMs = 0
  /** Making the connection; -1 where one was there. */
  connectMs = -1
  /** From the lease to the whole head of the response; -1 before it. */
  latencyMs = -1
  /** Backends that were asked, each try counted; as backends count their requests. */
  asked = 0
  #leasedAt = 0
  #waitsSince = 0

  waits(): void {
    this.#waitsSince = performance.now()
  }

  leased(): void {
    this.asked++
    this.latencyMs = -1
    this.connectMs = -1
    this.#leasedAt = performance.now()
    if (this.#waitsSince === 0) return
    this.queueMs += this.#leasedAt - this.#waitsSince
    this.#waitsSince = 0
  }

  /** Tries after the first. */
  get retries(): number {
    return Math.max(0, this.asked - 1)
  }

  /** The connection turned out to be closed: nobody was asked. */
  unused(): void {
    this.asked--
  }

  connected(): void {
    this.connectMs = performance.now() - this.#leasedAt
  }

  answered(): void {
    this.latencyMs = performance.now() - this.#leasedAt
  }

  /** When the head of the response was there; 0 before it. */
  get answeredAt(): number {
    return this.latencyMs < 0 ? 0 : this.#leasedAt + this.latencyMs
  }
}

interface Head {
  readonly status: number
  readonly headers: HeaderBlock
}

/** What the balancer hears of a response. One that asks for patience is load, not a failure (RFC 6585 §4, RFC 9110 §15.6.4). */
export function statusOutcome({ status, headers }: Head, bad: ReadonlySet<number>): Outcome {
  if ((status === 429 || status === 503) && headers.has('retry-after')) return 'loaded'
  return bad.has(status) ? 'bad-status' : 'ok'
}

const WINDOW_MS = 10_000
/**
 * A pool with little traffic may still try again this often per window: with the share alone a quiet service would hand
 * its clients the failures of a bad backend that come before its breaker opens. Three a second are no load.
 */
const AT_LEAST = 30

/** Keeps retries to a share of the requests of the last ten to twenty seconds, so that they cannot become the load. */
export class RetryBudget {
  readonly #share: number
  readonly #time: Pick<Deadlines, 'now'>
  #windowEnds = 0
  #requests = 0
  #retries = 0
  #requestsBefore = 0

  /** `time` may be 100 ms old. */
  constructor(share: number, time: Pick<Deadlines, 'now'>) {
    this.#share = share
    this.#time = time
  }

  request(): void {
    this.#turn()
    this.#requests++
  }

  /** True, and counted, when another try is within the budget. */
  tryRetry(): boolean {
    this.#turn()
    const allowed = Math.max(AT_LEAST, this.#share * (this.#requests + this.#requestsBefore))
    if (this.#retries >= allowed) return false
    this.#retries++
    return true
  }

  /** Begins a new window when the old one is over; what went before it counts once more. */
  #turn(): void {
    const { now } = this.#time
    if (now < this.#windowEnds) return
    this.#requestsBefore = now >= this.#windowEnds + WINDOW_MS ? 0 : this.#requests
    this.#requests = 0
    this.#retries = 0
    this.#windowEnds = now + WINDOW_MS
  }
}
