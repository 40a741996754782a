import { performance } from 'node:perf_hooks'
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
