import type { Clock } from '../../../core/clock.ts'

/** How often a thread says that it turns, and how often that is looked at. */
export const BEAT_MS = 500
/** A thread that has not said so for this long is stuck: no collection of garbage and no reload takes as long. */
export const STUCK_AFTER_MS = 5_000

/** A word per thread, in shared memory: it grows as long as the thread's event loop turns. Each thread writes its own. */
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

  /** Beats for `thread`, which is the caller's, as long as its event loop turns. */
  begin(thread: number, clock: Clock): void {
    const beat = (): void => {
      Atomics.add(this.#words, thread, 1)
      clock.after(BEAT_MS, beat)
    }
    beat()
  }
}

/** Tells which threads are stuck, by their heartbeats. Policy only: time comes in. */
export class Watchdog {
  readonly #seen = new Map<number, { beat: number; since: number }>()
  #lookedAt = -Infinity

  /** `beats`: of the threads that run now. Returns those that have been still for too long. */
  look(beats: ReadonlyMap<number, number>, now: number): number[] {
    // We were held up ourselves (the machine slept, or is overloaded): everybody gets the whole time anew.
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
