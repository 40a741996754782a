import type { Clock } from '../../../core/clock.ts'

const WINDOW_MS = 10_000
/** A pool with little traffic may still try again this often per window. */
const AT_LEAST = 3

/** Keeps retries to a share of the requests of the last ten to twenty seconds, so that they cannot become the load. */
export class RetryBudget {
  readonly #share: number
  readonly #clock: Clock
  #windowEnds = 0
  #requests = 0
  #retries = 0
  #requestsBefore = 0

  constructor(share: number, clock: Clock) {
    this.#share = share
    this.#clock = clock
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
    const now = this.#clock.now()
    if (now < this.#windowEnds) return
    this.#requestsBefore = now >= this.#windowEnds + WINDOW_MS ? 0 : this.#requests
    this.#requests = 0
    this.#retries = 0
    this.#windowEnds = now + WINDOW_MS
  }
}
