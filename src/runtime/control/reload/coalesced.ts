import type { Clock } from '../../../core/clock.ts'

/** A long run is not made up for by a pause of more than this. */
const MOST_PAUSE_MS = 1_000

/** Runs one at a time; calls that come during a run share one further run, which begins after them. */
export class Coalesced<T> {
  readonly #run: () => Promise<T>
  readonly #clock: Clock
  #last: Promise<unknown> = Promise.resolve()
  #next: Promise<T> | undefined
  /** When the next may begin. */
  #freeAt = 0

  constructor(clock: Clock, run: () => Promise<T>) {
    this.#clock = clock
    this.#run = run
  }

  call(): Promise<T> {
    return (this.#next ??= this.#begin(this.#last))
  }

  async #begin(before: Promise<unknown>): Promise<T> {
    await before
    const waitMs = this.#freeAt - this.#clock.now()
    await new Promise<void>((resolve) => {
      if (waitMs > 0) this.#clock.after(waitMs, resolve)
      else setImmediate(resolve)
    })
    this.#next = undefined
    const began = this.#clock.now()
    const running = this.#run().finally(() => {
      const now = this.#clock.now()
      this.#freeAt = now + Math.min(now - began, MOST_PAUSE_MS)
    })
    this.#last = running.catch(() => {})
    return running
  }
}
