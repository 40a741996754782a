/**
 * Size of one read in bytes: a response of 64 KiB with its head fits, and larger reads do not lower the cost per byte.
 * A client that does not read holds that much of lb's memory.
 */
export const READ_BYTES = 81_920

/** Room before the bytes read: a head can be written right before its body. */
const HEADROOM = 16_384

/**
 * All clear-text streams of this thread read into this buffer. It is valid only during the read callback, so one is
 * enough for any number of connections: 10,000 idle ones hold no buffer at all. And it stays in the processor's cache:
 * with a private buffer per stream, 64 relayed bodies of 64 KiB took twice the time.
 */
export const sharedBuffer = Buffer.allocUnsafeSlow(HEADROOM + READ_BYTES)

/** The part of the buffer for reads. */
export const readArea = sharedBuffer.subarray(HEADROOM)

export const READ_AT = HEADROOM
