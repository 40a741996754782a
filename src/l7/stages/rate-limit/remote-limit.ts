import { hash as digest } from 'node:crypto'
import type { Clock } from '../../../core/clock.ts'
import type { Decision } from '../../../shared/rate-decision.ts'
import type { RateRule } from '../../../shared/rate-rule.ts'
import type { RateGrant, RemoteRates } from './remote-rates.ts'

/** Limits of at least this are counted in portions unless `mode` says otherwise. */
const LEASED_FROM = 100
/** A portion that is not used within this time, or within its share of `per`, is given back. */
const MIN_LIFE_MS = 20
/** Longest time without asking after a refusal: others may have given something back. */
const MAX_QUIET_MS = 50
const SWEEP_MS = 250

export interface RemoteLimitConfig {
  readonly mode?: 'exact' | 'lease' | undefined
  readonly lease: number
  readonly maxKeys: number
}

interface Waiter {
  readonly cost: number
  /** undefined: Redis did not answer. */
  readonly done: (found: Decision | undefined) => void
  /** A request that has waited before has a time before its question here. */
  readonly since: number
  left: boolean
}

/** The portion of one key that this thread holds. */
interface Portion {
  tokens: number
  until: number
  window: number
  remaining: number
  fullAt: number
  /** Until then nothing is left, as far as this thread knows. */
  refusedUntil: number
  retryAt: number
  asking: boolean
  readonly waiting: Waiter[]
}

/**
 * One limit that several instances count together. Exact: every decision is made by Redis. Leased: tokens are taken in
 * portions of `lease` of the limit, and most decisions are made here. A portion lives for the same share of `per`, so
 * within `per` at most `lease` above the limit passes; the rest of a portion is given back.
 */
export class RemoteLimit {
  readonly #rates: RemoteRates
  readonly #rule: RateRule
  readonly #clock: Clock
  readonly #prefix: string
  readonly #leased: boolean
  readonly #portion: number
  readonly #lifeMs: number
  readonly #maxKeys: number
  readonly #portions = new Map<string, Portion>()
  #sweeping = false

  constructor(rates: RemoteRates, rule: RateRule, config: RemoteLimitConfig, name: string, clock: Clock) {
    this.#rates = rates
    this.#rule = rule
    this.#clock = clock
    // Another rule counts in other units, so it gets its own key.
    this.#prefix = `rate:${name}:${rule.algorithm}/${rule.requests}/${rule.perMs}/${rule.burst}:`
    this.#leased = (config.mode ?? (rule.requests >= LEASED_FROM ? 'lease' : 'exact')) === 'lease'
    this.#portion = Math.max(1, Math.floor(config.lease * rule.requests))
    this.#lifeMs = Math.max(MIN_LIFE_MS, config.lease * rule.perMs)
    this.#maxKeys = config.maxKeys
  }

  get usable(): boolean {
    return this.#rates.usable
  }

  get timeoutMs(): number {
    return this.#rates.timeoutMs
  }

  /** The name of a key in Redis: a hash, so that clients control neither its length nor its content. */
  keyOf(who: string): string {
    return this.#prefix + digest('sha256', who, 'base64url').slice(0, 22)
  }

  /** Decides with the portion that is here; false: Redis has to be asked. */
  decide(key: string, cost: number, into: Decision): boolean {
    const portion = this.#portions.get(key)
    if (portion === undefined) return false
    const now = this.#clock.now()
    this.#expire(key, portion, now)
    if (portion.waiting.length > 0) return false
    if (portion.tokens >= cost) {
      take(portion, cost, now, into)
      if (portion.tokens < this.#portion / 2 && !portion.asking && portion.refusedUntil <= now) {
        this.#fetch(key, portion)
      }
      return true
    }
    if (portion.refusedUntil <= now) return false
    refuse(portion, now, into)
    return true
  }

  /** Returns a function that cancels the wait. `withinMs`: what is left of the time that the request may wait. */
  ask(key: string, cost: number, withinMs: number, done: (found: Decision | undefined) => void): () => void {
    if (!this.#leased) {
      const decided = (grant: RateGrant | undefined) => done(grant && decisionOf(grant))
      this.#rates.ask(this.#question(key, cost, cost, false), decided, withinMs)
      return () => {}
    }
    const portion = this.#portionOf(key)
    const since = this.#clock.now() + withinMs - this.timeoutMs
    const waiter: Waiter = { cost, done, since, left: false }
    portion.waiting.push(waiter)
    if (!portion.asking) this.#fetch(key, portion)
    return () => {
      waiter.left = true
    }
  }

  /** Counts what has been used already, or gives it back (negative). */
  charge(key: string, cost: number): void {
    const portion = this.#portions.get(key)
    if (portion !== undefined && cost < 0) portion.tokens -= cost
    else if (this.usable) this.#rates.ask(this.#question(key, cost, cost, true), () => {})
  }

  #question(key: string, cost: number, want: number, force: boolean, window?: number) {
    return { key, rule: this.#rule, cost, want, force, window }
  }

  #fetch(key: string, portion: Portion): void {
    portion.asking = true
    const waiting = portion.waiting.filter(({ left }) => !left)
    const least = waiting[0]?.cost ?? 1
    const all = waiting.reduce((sum, { cost }) => sum + cost, 0)
    const want = Math.max(this.#portion, all, least)
    // A request that has waited for one answer has less time left for the next.
    const waited = waiting[0] === undefined ? 0 : this.#clock.now() - waiting[0].since
    this.#rates.ask(
      this.#question(key, least, want, false),
      (grant) => {
        portion.asking = false
        this.#receive(key, portion, grant)
      },
      Math.max(1, this.timeoutMs - waited)
    )
  }

  #receive(key: string, portion: Portion, grant: RateGrant | undefined): void {
    const now = this.#clock.now()
    if (grant !== undefined) this.#keep(key, portion, grant, now)
    while (portion.waiting.length > 0) {
      const waiter = portion.waiting[0]!
      if (!waiter.left) {
        if (grant !== undefined && portion.tokens < waiter.cost && grant.granted > 0) {
          this.#fetch(key, portion)
          return
        }
        waiter.done(grant === undefined ? undefined : this.#settle(portion, waiter.cost, now))
      }
      portion.waiting.shift()
    }
  }

  #settle(portion: Portion, cost: number, now: number): Decision {
    const found = { allowed: true, remaining: 0, retryMs: 0, fullMs: 0 }
    if (portion.tokens >= cost) take(portion, cost, now, found)
    else refuse(portion, now, found)
    return found
  }

  #keep(key: string, portion: Portion, grant: RateGrant, now: number): void {
    // The rest of an earlier window must not be used in this one.
    if (portion.window !== grant.window) this.#return(key, portion)
    portion.window = grant.window
    portion.tokens += grant.granted
    portion.remaining = grant.remaining
    portion.fullAt = now + grant.fullMs
    const windowEnds = this.#rule.algorithm === 'fixed-window' ? grant.fullMs : Infinity
    portion.until = now + Math.min(this.#lifeMs, windowEnds)
    if (grant.granted > 0) return
    portion.retryAt = now + grant.retryMs
    // Ask for several at once a little later, rather than one by one.
    const quiet = Math.max(grant.retryMs, Math.min(this.#lifeMs / 2, MAX_QUIET_MS))
    portion.refusedUntil = now + Math.min(quiet, Math.max(MAX_QUIET_MS, this.#lifeMs))
  }

  #portionOf(key: string): Portion {
    let portion = this.#portions.get(key)
    if (portion !== undefined) return portion
    if (this.#portions.size >= this.#maxKeys) this.#dropOldest()
    portion = {
      tokens: 0,
      until: 0,
      window: 0,
      remaining: 0,
      fullAt: 0,
      refusedUntil: 0,
      retryAt: 0,
      asking: false,
      waiting: []
    }
    this.#portions.set(key, portion)
    this.#sweepLater()
    return portion
  }

  #dropOldest(): void {
    for (const [key, portion] of this.#portions) {
      this.#return(key, portion)
      this.#portions.delete(key)
      return
    }
  }

  #expire(key: string, portion: Portion, now: number): void {
    if (portion.until <= now) this.#return(key, portion)
  }

  #return(key: string, portion: Portion): void {
    const { tokens, window } = portion
    portion.tokens = 0
    if (tokens > 0 && this.usable)
      this.#rates.ask(this.#question(key, -tokens, -tokens, true, window), () => {})
  }

  #sweepLater(): void {
    if (this.#sweeping) return
    this.#sweeping = true
    this.#clock.after(SWEEP_MS, () => {
      this.#sweeping = false
      const now = this.#clock.now()
      for (const [key, portion] of this.#portions) {
        if (portion.asking || portion.until > now || portion.refusedUntil > now) continue
        this.#return(key, portion)
        this.#portions.delete(key)
      }
      if (this.#portions.size > 0) this.#sweepLater()
    })
  }
}

function take(portion: Portion, cost: number, now: number, into: Decision): void {
  portion.tokens -= cost
  into.allowed = true
  into.remaining = Math.floor(portion.remaining + portion.tokens)
  into.retryMs = 0
  into.fullMs = Math.max(0, portion.fullAt - now)
}

function refuse(portion: Portion, now: number, into: Decision): void {
  into.allowed = false
  into.remaining = 0
  into.retryMs = Math.max(1, portion.retryAt - now)
  into.fullMs = Math.max(0, portion.fullAt - now)
}

function decisionOf({ granted, remaining, retryMs, fullMs }: RateGrant): Decision {
  return { allowed: granted > 0, remaining, retryMs, fullMs }
}
