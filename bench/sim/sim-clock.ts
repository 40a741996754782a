import type { Clock } from '../../src/core/clock.ts'
import { EventHeap } from './event-heap.ts'

/** A clock for simulations with millions of timers: time moves from one to the next. */
export class SimClock implements Clock {
  readonly #heap: EventHeap
  readonly #runs: ((() => void) | undefined)[] = []
  readonly #free: number[] = []
  #now = 0

  /** `capacity`: timers that may be set at once. */
  constructor(capacity: number) {
    this.#heap = new EventHeap(capacity)
  }

  now(): number {
    return this.#now
  }

  wall(): number {
    return this.#now
  }

  after(ms: number, run: () => void): () => void {
    const id = this.#free.pop() ?? this.#runs.length
    this.#runs[id] = run
    this.#heap.push(this.#now + ms, id)
    return () => {
      if (this.#runs[id] === run) this.#runs[id] = undefined
    }
  }

  /** Runs everything that is due until `end`. */
  runUntil(end: number): void {
    while (this.#heap.nextAt <= end) {
      this.#now = this.#heap.nextAt
      const id = this.#heap.pop()
      const run = this.#runs[id]
      this.#runs[id] = undefined
      this.#free.push(id)
      run?.()
    }
    this.#now = end
  }
}
