/**
 * Size of one read from a client in bytes: a response of 64 KiB with its head fits, and in clear text larger reads do not
 * lower the cost per byte.
 */
export const READ_BYTES = 81_920

/**
 * The same from a backend. TLS to the client has costs per write that clear text has not (1 MB over TLS takes 0.93 to 0.98 of
 * what it takes by 80 KiB). A client that does not read holds that much of lb's memory.
 */
export const BACKEND_READ_BYTES = 147_456

/** Room before the bytes read: a head can be written right before its body. */
const HEADROOM = 16_384

/**
 * All clear-text streams of this thread read into this buffer. It is valid only during the read callback, so one is
 * enough for any number of connections: 10,000 idle ones hold no buffer at all. And it stays in the processor's cache:
 * with a private buffer per stream, 64 relayed bodies of 64 KiB took twice the time.
 */
export const sharedBuffer = Buffer.allocUnsafeSlow(HEADROOM + BACKEND_READ_BYTES)

/** The part of the buffer for reads. */
export const readArea = sharedBuffer.subarray(HEADROOM, HEADROOM + READ_BYTES)

/** The part for reads from backends. */
export const backendArea = sharedBuffer.subarray(HEADROOM)

export const READ_AT = HEADROOM
