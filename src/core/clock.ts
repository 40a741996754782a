import { guarded } from './containment.ts'

/** Where time comes from. Policies take `now` as an argument; what schedules takes a Clock. */
export interface Clock {
  /** Monotonic milliseconds since the machine's boot (fractional), the same on every thread of this machine. */
  now(): number
  /** Milliseconds since the Unix epoch. */
  wall(): number
  /** Runs `run` once after `ms`; returns a function that cancels it. Timers do not hold the process open; what `run` throws is contained. */
  after(ms: number, run: () => void): () => void
}

// One origin for all threads, whatever a runtime makes of performance.now in workers.
const origin = Number(process.hrtime.bigint()) / 1e6 - performance.now()

export const systemClock: Clock = {
  now: () => origin + performance.now(),
  wall: () => Date.now(),
  after(ms, run) {
    // No closure: setTimeout passes the rest on.
    const timer = setTimeout(guarded, ms, run)
    timer.unref()
    return () => clearTimeout(timer)
  }
}

/** A clock for tests: time moves when `advance` says so, and due timers run in order. */
export class FakeClock implements Clock {
  #now: number
  #timers: { at: number; run: () => void }[] = []

  constructor(now = 1_000_000) {
    this.#now = now
  }

  now(): number {
    return this.#now
  }

  wall(): number {
    return 1_700_000_000_000 + this.#now
  }

  after(ms: number, run: () => void): () => void {
    const timer = { at: this.#now + ms, run }
    this.#timers.push(timer)
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer)
    }
  }

  /** Moves time on by `ms`, running what falls due on the way, earliest first. */
  advance(ms: number): void {
    const end = this.#now + ms
    for (;;) {
      const due = this.#timers.filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0]
      if (due === undefined) break
      this.#timers = this.#timers.filter((timer) => timer !== due)
      this.#now = Math.max(this.#now, due.at)
      due.run()
    }
    this.#now = end
  }
}
