import { sharedBuffer } from './read-buffer.ts'

/** Pieces below this are not worth a buffer of that size. */
const POOLED_FROM = 16_384
/** Buffers per thread, for one read with a head before it. Writers beyond that get memory of their own, of the exact size. */
const MAX_BUFFERS = 64

const free: Buffer[] = []
let made = 0

/**
 * A copy of bytes that the kernel did not take yet. From a pool where they are many: memory outside of V8's heap that
 * comes and goes with every write makes it collect garbage all the time (a sixth of the time under 64 KiB bodies).
 */
export function keepBytes(buffer: Buffer, start: number, end: number): { bytes: Buffer; pooled?: Buffer } {
  const size = end - start
  const pooled = size < POOLED_FROM ? undefined : takeBuffer()
  const bytes = pooled?.subarray(0, size) ?? Buffer.allocUnsafe(size)
  buffer.copy(bytes, 0, start, end)
  return pooled === undefined ? { bytes } : { bytes, pooled }
}

/** Gives back what `keepBytes` took from the pool, when nothing refers to it any more. */
export function giveBuffer(pooled: Buffer): void {
  free.push(pooled)
}

/** Tells that it is left to the garbage collector, because a cancelled write may still refer to it. */
export function forgetBuffer(): void {
  made--
}

function takeBuffer(): Buffer | undefined {
  const buffer = free.pop()
  if (buffer !== undefined || made >= MAX_BUFFERS) return buffer
  made++
  return Buffer.allocUnsafeSlow(sharedBuffer.length)
}
