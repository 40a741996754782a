const TRIES_AGAIN_MS = 1000
const MAX_TRIES_AGAIN_MS = 8000
/** Redis that is lost within this time after it was found has relapsed. */
const RELAPSE_MS = 5000

/** When to check Redis again: after each relapse the pause is longer, so that the log does not fill. */
export class Relapses {
  #foundAt = -Infinity
  #lostAt = -Infinity
  #count = 0

  found(now: number): void {
    this.#foundAt = now
  }

  lost(now: number): void {
    this.#lostAt = now
    this.#count = now - this.#foundAt < RELAPSE_MS ? this.#count + 1 : 0
  }

  /** From a failed check to the next. The first relapse may be chance. */
  get againMs(): number {
    return Math.min(TRIES_AGAIN_MS * 2 ** Math.max(0, this.#count - 1), MAX_TRIES_AGAIN_MS)
  }

  /** A new connection may be used at once, except after relapses. */
  rested(now: number): boolean {
    return now >= this.#lostAt + this.againMs - TRIES_AGAIN_MS
  }
}
