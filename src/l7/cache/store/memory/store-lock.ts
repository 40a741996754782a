import { control } from './layout.ts'

/** Spins before sleeping: about 20 µs, longer than any holder needs unless it was preempted. */
const spins = 2_000
/** A preempted holder runs again after some milliseconds; a dead one never does. */
const sleepMs = 2
const maxSleeps = 25

/**
 * The one lock of a shared store, held for microseconds while its lists change; lookups do not need it. It knows its
 * owner and is never taken from a slow one: only the main thread takes it over, from a worker whose thread has ended.
 * Nobody waits for ever: after 50 ms `acquire` gives up and the caller does without the cache.
 */
export class StoreLock {
  readonly #control: Int32Array
  /** Worker index plus 1; 0 is nobody. */
  readonly #me: number

  constructor(words: Int32Array, workerIndex: number) {
    this.#control = words
    this.#me = workerIndex + 1
  }

  acquire(): boolean {
    const words = this.#control
    for (let n = 0; n < spins; n++) {
      if (Atomics.compareExchange(words, control.lock, 0, this.#me) === 0) return true
    }
    for (let n = 0; n < maxSleeps; n++) {
      const owner = Atomics.load(words, control.lock)
      if (owner !== 0) Atomics.wait(words, control.lock, owner, sleepMs)
      if (Atomics.compareExchange(words, control.lock, 0, this.#me) === 0) return true
    }
    Atomics.add(words, control.lockTimeouts, 1)
    return false
  }

  /** For the main thread, where giving up would be worse than waiting: waits up to a second. */
  acquirePatiently(): boolean {
    for (let n = 0; n < 20; n++) if (this.acquire()) return true
    return false
  }

  /** Does nothing where the lock was taken over meanwhile: it has another owner then. */
  release(): void {
    if (Atomics.compareExchange(this.#control, control.lock, this.#me, 0) !== this.#me) return
    Atomics.notify(this.#control, control.lock, 1)
  }

  /** Main thread only: takes the lock from a worker that died holding it. False: it did not hold it. */
  takeFrom(deadWorker: number): boolean {
    return Atomics.compareExchange(this.#control, control.lock, deadWorker + 1, this.#me) === deadWorker + 1
  }
}
