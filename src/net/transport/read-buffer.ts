/**
 * Size of one read, in bytes: a response of 64 KiB with its head comes in one, and the cost per byte does not fall any
 * more. A client that does not read holds that much of lb's memory.
 */
export const READ_BYTES = 81_920

/** Room before what was read: a head can be written there, right before the body that it announces. */
const HEADROOM = 16_384

/**
 * Where all cleartext streams of this thread read into. It is valid only during the read callback, so one is enough
 * for any number of connections: 10,000 idle ones hold no buffer at all. And one stays in the processor's cache:
 * with a private buffer per stream, 64 relayed bodies of 64 KiB cost twice the time.
 */
export const sharedBuffer = Buffer.allocUnsafeSlow(HEADROOM + READ_BYTES)

/** The part of it that reads go to. */
export const readArea = sharedBuffer.subarray(HEADROOM)

export const READ_AT = HEADROOM
