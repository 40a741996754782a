const TRIES_AGAIN_MS = 1000
const MAX_TRIES_AGAIN_MS = 8000
/** What is lost within this time after it was found has relapsed. */
const RELAPSE_MS = 5000

/** When Redis is looked at again: what comes and goes is left alone longer each time, so that the log does not fill. */
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

  /** From a failed look to the next. The first relapse may be chance. */
  get againMs(): number {
    return Math.min(TRIES_AGAIN_MS * 2 ** Math.max(0, this.#count - 1), MAX_TRIES_AGAIN_MS)
  }

  /** A new connection may be used at once, but after relapses. */
  rested(now: number): boolean {
    return now >= this.#lostAt + this.againMs - TRIES_AGAIN_MS
  }
}
