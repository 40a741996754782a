import type { Random } from '../core/random.ts'

const FIRST_MS = 500
const MOST_MS = 30_000

/**
 * Delays between tries of a failing source: they double up to 30 s or `mostMs`, each ± 25 %, so that instances do not ask at the
 * same time.
 */
export class RetryDelay {
  readonly #random: Random
  readonly #mostMs: number
  #failures = 0

  constructor(random: Random, mostMs = MOST_MS) {
    this.#random = random
    this.#mostMs = Math.min(mostMs, MOST_MS)
  }

  /** Delay before the next try, in ms. */
  next(): number {
    const delay = Math.min(this.#mostMs, FIRST_MS * 2 ** Math.min(this.#failures++, 10))
    return delay * (0.75 + this.#random() / 2)
  }

  reset(): void {
    this.#failures = 0
  }
}
