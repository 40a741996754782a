import { sharedBuffer } from './read-buffer.ts'

/** Smaller pieces do not use the pool. */
const POOLED_FROM = 16_384
/**
 * Buffers per thread, each for one read with a head before it. Beyond this number, buffers of the exact size are
 * allocated.
 */
const MAX_BUFFERS = 64

const free: Buffer[] = []
let made = 0

/**
 * A copy of bytes that the kernel did not accept yet. It comes from a pool where there are many: memory outside of V8's
 * heap that is allocated for every write keeps the garbage collector busy (a sixth of the time under 64 KiB bodies).
 */
export function keepBytes(buffer: Buffer, start: number, end: number): { bytes: Buffer; pooled?: Buffer } {
  const size = end - start
  const pooled = size < POOLED_FROM ? undefined : takeBuffer()
  const bytes = pooled?.subarray(0, size) ?? Buffer.allocUnsafe(size)
  buffer.copy(bytes, 0, start, end)
  return pooled === undefined ? { bytes } : { bytes, pooled }
}

/** Returns a buffer of `keepBytes` to the pool when nothing refers to it any more. */
export function giveBuffer(pooled: Buffer): void {
  free.push(pooled)
}

/** The buffer is left to the garbage collector, because a cancelled write may still refer to it. */
export function forgetBuffer(): void {
  made--
}

function takeBuffer(): Buffer | undefined {
  const buffer = free.pop()
  if (buffer !== undefined || made >= MAX_BUFFERS) return buffer
  made++
  return Buffer.allocUnsafeSlow(sharedBuffer.length)
}
