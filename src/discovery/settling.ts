import type { Clock } from '../core/clock.ts'

/** The first event of a burst waits this long for others. */
const SETTLE_MS = 100
/** Largest share of the time for what events cause: with very many backends they wait longer for each other. */
const SHARE = 1 / 25

/** How long an event may wait for others, by what the last ones have cost. */
export class Settling {
  readonly #clock: Clock
  #costMs = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get waitMs(): number {
    return Math.max(SETTLE_MS, this.#costMs / SHARE)
  }

  /** Does what events ask for; the time counts. */
  measure<T>(work: () => T): T {
    const began = this.#clock.now()
    try {
      return work()
    } finally {
      this.#costMs = Math.min(100, this.#clock.now() - began)
    }
  }
}
