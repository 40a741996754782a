import { contain } from '../../../core/containment.ts'
import { SPARE_ROWS } from '../../../shared/spare-rows.ts'
import type { WorkersDeps } from '../workers-deps.ts'

/**
 * The kernel has closed a dead thread's connections, but a busy backend may hear of a new connection before that: when
 * counts were released at once, a backend with room for 10 saw 11. Shorter than the shortest wait for a replacement.
 */
export const GIVE_BACK_AFTER_MS = 50

/** The rows of worker threads in shared tables: who gets one, and what becomes of those of dead threads. */
export class Rows {
  readonly #deps: WorkersDeps
  readonly #spare: number[]

  constructor(deps: WorkersDeps) {
    this.#deps = deps
    this.#spare = Array.from({ length: SPARE_ROWS }, (_, i) => deps.count + 1 + i)
  }

  /** A spare row for the replacement of a thread that may live for long; undefined when there is none left. */
  instead(stuck: number): number | undefined {
    const row = this.#spare.pop()
    if (row !== undefined) this.#deps.giveUp(stuck)
    return row
  }

  /** Its thread is dead. The result gives back what it held there, to be called once its backends know. */
  died(row: number): () => void {
    const recovered = this.#recover(row)
    return () => {
      // Another thread, slow just then, held a lock of the cache.
      if (!recovered) this.#recover(row)
      this.#deps.giveBack(row)
    }
  }

  /** Nothing is held there any more. */
  free(row: number): void {
    this.#spare.push(row)
  }

  /** A failure with one cache must not prevent the replacement of a worker. */
  #recover(row: number): boolean {
    try {
      this.#deps.recover(row)
      return true
    } catch (error) {
      contain(error)
      return false
    }
  }
}
