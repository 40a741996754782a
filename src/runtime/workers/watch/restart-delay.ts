const FIRST_MS = 100
/** From here on it is no accident any more. */
const AILING_MS = 1_000
const LAST_MS = 10_000
/** A worker that has run this long has shown that it can. */
const STEADY_MS = 60_000

/** How long to wait before a dead worker is replaced: 100 ms, doubling to 10 s while it keeps dying young. The last one comes back at once. */
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

  /** `alone`: nobody else serves meanwhile, so it comes back at once, whatever it died of. */
  next(alone = false): number {
    if (this.#startedAt !== undefined && this.#now() - this.#startedAt >= STEADY_MS) this.#delayMs = FIRST_MS
    this.#startedAt = undefined
    const delay = this.#delayMs
    this.#delayMs = Math.min(LAST_MS, 2 * delay)
    return alone ? FIRST_MS : delay
  }
}
