import { monitorEventLoopDelay } from 'node:perf_hooks'

/**
 * Tells whether this process stood still lately. On a crowded machine it may not run for seconds; then timeouts pass before
 * what has arrived is read, and what the fuzzer sees of that says nothing about lb.
 */
export class LagWatch {
  readonly #timer: NodeJS.Timeout
  readonly #histogram = monitorEventLoopDelay({ resolution: 10 })
  #stoodStillAt = -Infinity
  #last = performance.now()

  /** `lagMs`: what counts as standing still. */
  constructor(lagMs: number) {
    this.#histogram.enable()
    this.#timer = setInterval(() => {
      const now = performance.now()
      if (now - this.#last > lagMs) this.#stoodStillAt = now
      this.#last = now
    }, 20)
  }

  /** Within the last `ms`, now included. */
  stoodStill(ms: number): boolean {
    const now = performance.now()
    return now - this.#last > 100 || now - this.#stoodStillAt < ms
  }

  get worstMs(): number {
    return Math.round(this.#histogram.max / 1e6)
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#histogram.disable()
  }
}
