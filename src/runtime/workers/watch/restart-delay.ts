const FIRST_MS = 100
/** From this delay on the worker counts as ailing. */
const AILING_MS = 1_000
const LAST_MS = 10_000
/** A worker that has run this long counts as stable. */
const STEADY_MS = 60_000

/**
 * How long to wait before a dead worker is replaced: 100 ms, doubling to 10 s while it keeps dying early. When it was
 * the last one it is replaced at once.
 */
export class RestartDelay {
  readonly #now: () => number
  #delayMs = FIRST_MS
  #startedAt: number | undefined

  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  started(): void {
    this.#startedAt = this.#now()
  }

  get ailing(): boolean {
    return this.#delayMs > AILING_MS
  }

  /** `alone`: no other worker serves meanwhile, so it is replaced at once, whatever the cause. */
  next(alone = false): number {
    if (this.#startedAt !== undefined && this.#now() - this.#startedAt >= STEADY_MS) this.#delayMs = FIRST_MS
    this.#startedAt = undefined
    const delay = this.#delayMs
    this.#delayMs = Math.min(LAST_MS, 2 * delay)
    return alone ? FIRST_MS : delay
  }
}
