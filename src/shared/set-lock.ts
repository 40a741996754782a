/**
 * How often a taken lock is tried again: some 10 ms. It is held for 100 ns, so who waits longer waits for a thread
 * that was stopped (or terminated) in between; then the lock is taken from it, at the risk of one count, rather
 * than standing still for ever.
 */
const TRIES = 1_000_000

/** A spin lock per word. The main thread takes it too, where Atomics.wait would be an event loop standing still. */
export function lockSet(locks: Int32Array, set: number): void {
  for (let i = 0; i < TRIES; i++) {
    if (Atomics.compareExchange(locks, set, 0, 1) === 0) return
  }
}

export function unlockSet(locks: Int32Array, set: number): void {
  Atomics.store(locks, set, 0)
}
