import { threadId } from 'node:worker_threads'

/** 0 is nobody; the number of a thread is never given again. */
const ME = threadId + 1
/**
 * A lock is held for 100 ns, or some milliseconds where the kernel takes the processor away from its holder in between. One
 * that the same thread holds this long belongs to a thread that was terminated: it is taken over, at the risk of one count.
 */
const DEAD_AFTER_MS = 1_000
const SPINS_PER_LOOK = 10_000

/** A spin lock per word. The main thread takes it too, where Atomics.wait would be an event loop standing still. */
export function lockSet(locks: Int32Array, set: number): void {
  if (Atomics.compareExchange(locks, set, 0, ME) !== 0) waitFor(locks, set)
}

/** Does nothing where the lock was taken over meanwhile: it is another's then. */
export function unlockSet(locks: Int32Array, set: number): void {
  Atomics.compareExchange(locks, set, ME, 0)
}

function waitFor(locks: Int32Array, set: number): void {
  let owner = 0
  let since = performance.now()
  for (;;) {
    for (let i = 0; i < SPINS_PER_LOOK; i++) {
      const seen = Atomics.compareExchange(locks, set, 0, ME)
      if (seen === 0) return
      if (seen === owner) continue
      owner = seen
      since = performance.now()
    }
    if (performance.now() - since < DEAD_AFTER_MS) continue
    if (Atomics.compareExchange(locks, set, owner, ME) === owner) return
  }
}
