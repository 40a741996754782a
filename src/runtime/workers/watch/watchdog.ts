import type { Clock } from '../../../core/clock.ts'

/** Interval of heartbeats, and of their checks. */
export const BEAT_MS = 500
/** A thread without a heartbeat for this long is stuck: no garbage collection and no reload takes that long. */
export const STUCK_AFTER_MS = 5_000

/**
 * A word per thread in shared memory: it increases as long as the thread's event loop runs. Each thread writes its own.
 */
export class Heartbeats {
  readonly buffer: SharedArrayBuffer
  readonly #words: Int32Array

  constructor(buffer: SharedArrayBuffer) {
    this.buffer = buffer
    this.#words = new Int32Array(buffer)
  }

  static create(threads: number): Heartbeats {
    return new Heartbeats(new SharedArrayBuffer(threads * Int32Array.BYTES_PER_ELEMENT))
  }

  of(thread: number): number {
    return Atomics.load(this.#words, thread)
  }

  /** Starts heartbeats for `thread`, the calling thread. */
  begin(thread: number, clock: Clock): void {
    const beat = (): void => {
      Atomics.add(this.#words, thread, 1)
      clock.after(BEAT_MS, beat)
    }
    beat()
  }
}

/** Finds stuck threads by their heartbeats. Policy only: time is an argument. */
export class Watchdog {
  readonly #seen = new Map<number, { beat: number; since: number }>()
  #lookedAt = -Infinity

  /** `beats`: of the running threads. Returns those without a heartbeat for too long. */
  look(beats: ReadonlyMap<number, number>, now: number): number[] {
    // This thread was held up itself (the machine slept, or is overloaded): every thread gets its full time again.
    const late = now - this.#lookedAt > 3 * BEAT_MS
    this.#lookedAt = now
    for (const thread of this.#seen.keys()) if (!beats.has(thread)) this.#seen.delete(thread)
    const stuck: number[] = []
    for (const [thread, beat] of beats) {
      const seen = this.#seen.get(thread)
      if (late || seen === undefined || seen.beat !== beat) this.#seen.set(thread, { beat, since: now })
      else if (now - seen.since >= STUCK_AFTER_MS) stuck.push(thread)
    }
    return stuck
  }
}
