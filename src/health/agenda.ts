import type { Clock } from '../core/clock.ts'

/** Waits shorter than this many ticks are kept to the millisecond. */
const SHORT = 10

/**
 * Starts what is due together at one moment: to wake up once for twenty probes costs a third of waking up for each.
 * Nothing starts later than asked for, and at most one tick sooner.
 */
export class Agenda {
  readonly #clock: Clock
  readonly #tickMs: number
  readonly #due = new Map<number, Set<() => void>>()

  constructor(clock: Clock, tickMs = 20) {
    this.#clock = clock
    this.#tickMs = tickMs
  }

  /** Calls `run` once; the function returned cancels that. */
  after(ms: number, run: () => void): () => void {
    if (ms < SHORT * this.#tickMs) return this.#clock.after(ms, run)
    const now = this.#clock.now()
    const tick = Math.floor((now + ms) / this.#tickMs)
    let due = this.#due.get(tick)
    if (due === undefined) {
      const all = new Set<() => void>()
      this.#due.set(tick, (due = all))
      this.#clock.after(tick * this.#tickMs - now, () => {
        this.#due.delete(tick)
        for (const next of all) next()
      })
    }
    const entry = () => run()
    due.add(entry)
    return () => due.delete(entry)
  }
}
