import { maskedUrl } from '../../config/secrets/secret-places.ts'
import type { Clock } from '../../core/clock.ts'
import type { Logger } from '../../core/log/log.ts'

export interface OnDemandRule {
  readonly ask: string
  readonly ratePerSecond: number
}

export interface OnDemandDeps {
  readonly clock: Clock
  readonly log: Logger
  readonly ask: (url: string, name: string) => Promise<boolean>
  /** A new name has been allowed. */
  readonly onAllowed: (listener: string, name: string) => void
}

/** How long a refusal is remembered; a missing answer is remembered for less. */
const NO_MS = 600_000
const NO_ANSWER_MS = 30_000
const MAX_REFUSED = 10_000
/** Concurrent questions; beyond this the client has to come again. */
const MAX_ASKING = 20
/** Most names that clients can add in all: each is in every worker's memory. */
export const MAX_NAMES = 1_000
/** Names that can be public: labels of letters, digits and hyphens, the last one not a number. */
const PUBLIC_NAME = /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+(?!\d+$)[a-z0-9-]{2,63}$/

/** Decides which names that clients request are ordered. Everything that strangers can cause is bounded. */
export class OnDemand {
  readonly #deps: OnDemandDeps
  /** Name → listener. */
  readonly #allowed = new Map<string, string>()
  /** Name → until when it is not asked about again; the oldest first. */
  readonly #refused = new Map<string, number>()
  readonly #asking = new Set<string>()
  /** Listener → times of its last new names. */
  readonly #taken = new Map<string, number[]>()

  constructor(deps: OnDemandDeps) {
    this.#deps = deps
  }

  get allowed(): ReadonlyMap<string, string> {
    return this.#allowed
  }

  /** Names of an earlier process: asked about again only before renewal. */
  adopt(listener: string, name: string): void {
    if (this.#allowed.size < MAX_NAMES) this.#allowed.set(name, listener)
  }

  /** Names of removed listeners are removed too. */
  retain(listeners: ReadonlySet<string>): void {
    for (const [name, listener] of this.#allowed) if (!listeners.has(listener)) this.#allowed.delete(name)
    for (const listener of this.#taken.keys()) if (!listeners.has(listener)) this.#taken.delete(listener)
  }

  /** A client requested this name. */
  async wanted(listener: string, name: string, rule: OnDemandRule): Promise<void> {
    const { clock, log, onAllowed } = this.#deps
    const now = clock.now()
    if (!PUBLIC_NAME.test(name) || this.#allowed.has(name) || this.#asking.has(name)) return
    if ((this.#refused.get(name) ?? 0) > now || this.#asking.size >= MAX_ASKING) return
    if (this.#allowed.size >= MAX_NAMES) return this.#refuse(name, NO_MS)
    if (!this.#mayTake(listener, rule.ratePerSecond, now)) return
    this.#asking.add(name)
    try {
      if (!(await this.#deps.ask(rule.ask, name))) {
        log.info({ name, listener }, `certificate of ${name}: not allowed by ${maskedUrl(rule.ask)}`)
        return this.#refuse(name, NO_MS)
      }
      // Others may have been allowed while this one was asked about.
      if (!this.#mayTake(listener, rule.ratePerSecond, now)) return
      this.#taken.get(listener)!.push(now)
      this.#allowed.set(name, listener)
      onAllowed(listener, name)
    } catch (error) {
      this.#refuse(name, NO_ANSWER_MS)
      log.warn(
        { name, listener, err: error },
        `certificate of ${name}: ${maskedUrl(rule.ask)} does not say whether it is allowed`
      )
    } finally {
      this.#asking.delete(name)
    }
  }

  /** Whether it may still be renewed; false unless it is allowed. */
  async stillAllowed(name: string, rule: OnDemandRule): Promise<boolean> {
    return this.#deps.ask(rule.ask, name)
  }

  /** A limit per second, minute or hour, as the rate is given. */
  #mayTake(listener: string, ratePerSecond: number, now: number): boolean {
    const windowMs = ratePerSecond >= 1 ? 1_000 : ratePerSecond >= 1 / 60 ? 60_000 : 3_600_000
    const most = Math.max(Math.round((ratePerSecond * windowMs) / 1_000), 1)
    const recent = (this.#taken.get(listener) ?? []).filter((at) => now - at < windowMs)
    this.#taken.set(listener, recent)
    return recent.length < most
  }

  #refuse(name: string, ms: number): void {
    this.#refused.delete(name)
    if (this.#refused.size >= MAX_REFUSED) this.#refused.delete(this.#refused.keys().next().value!)
    this.#refused.set(name, this.#deps.clock.now() + ms)
  }
}
