import type { Verdict } from '../stages/verdict.ts'

/** Who waits: the exchange, as its wait sees it. */
export interface Waiting {
  /** Clock.after */
  after(ms: number, run: () => void): () => void
  /** Runs `decide` guarded, and goes on by its verdict. */
  waitOver(decide: () => Verdict): void
}

/**
 * One wait of a stage: it ends once, by `resume`, by its deadline, or with the exchange. Meanwhile the request's body is
 * not read, so that an upload is held back and nothing of it is lost.
 */
export class Wait {
  readonly #waiting: Waiting
  readonly #stopClock: () => void
  #over = false
  /** Stops what is waited for: the client has left, or the deadline has passed. Written by the stage that waits. */
  onCancel: (() => void) | undefined

  constructor(waiting: Waiting, timeoutMs: number, onTimeout: () => Verdict) {
    this.#waiting = waiting
    this.#stopClock = waiting.after(timeoutMs, () => {
      if (this.#over) return
      this.#over = true
      this.onCancel?.()
      this.#waiting.waitOver(onTimeout)
    })
  }

  get over(): boolean {
    return this.#over
  }

  /** What was waited for is there: `decide` says how it goes on. Does nothing when the wait is over already. */
  resume(decide: () => Verdict): void {
    if (this.#over) return
    this.#over = true
    this.#stopClock()
    this.#waiting.waitOver(decide)
  }

  /** The exchange has ended meanwhile. */
  cancel(): void {
    if (this.#over) return
    this.#over = true
    this.#stopClock()
    this.onCancel?.()
  }
}
