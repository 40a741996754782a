/** Size of one read, in bytes. 64 KiB is where the cost per byte of `read` and `write` stops falling. */
export const READ_BYTES = 65_536

/** Private read buffers per thread: 256 × 64 KiB. Streams beyond that share one buffer and copy. */
const MAX_BUFFERS = 256

/**
 * Where all idle and small readers of this thread read into. It is valid only during the read callback, so one
 * is enough for any number of connections: 10,000 idle ones hold no buffer at all.
 */
export const sharedBuffer = Buffer.allocUnsafeSlow(READ_BYTES)

const free: Buffer[] = []
let lent = 0

/** A buffer for one stream's large reads, or undefined when the thread has lent all it may. */
export function takeBulkBuffer(): Buffer | undefined {
  const buffer = free.pop()
  if (buffer !== undefined) return buffer
  if (lent >= MAX_BUFFERS) return undefined
  lent++
  return Buffer.allocUnsafeSlow(READ_BYTES)
}

/** Gives one back that nothing refers to any more. */
export function giveBulkBuffer(buffer: Buffer): void {
  free.push(buffer)
}

/** Tells that one is left to the garbage collector, because a cancelled write may still refer to it. */
export function forgetBulkBuffer(): void {
  lent--
}
