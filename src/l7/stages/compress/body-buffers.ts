/** Buffers kept of each size. */
const KEPT = 16
/** The smallest size, as a power of two. */
const LEAST = 10
const SIZES = 10

/**
 * Buffers for gathering bodies, in sizes of powers of two. A new buffer for each body would be outside of V8's heap and
 * freed by a garbage collection only: at 39 KB a response that caused a full collection, of many milliseconds, every
 * 1,500 responses.
 */
export class BodyBuffers {
  readonly #free: Buffer[][] = Array.from({ length: SIZES }, () => [])

  /** At least `bytes` long. */
  take(bytes: number): Buffer {
    const size = bytes <= 2 ** LEAST ? LEAST : 32 - Math.clz32(bytes - 1)
    return this.#free[size - LEAST]?.pop() ?? Buffer.allocUnsafeSlow(2 ** size)
  }

  /** Takes back a buffer of `take` that is no longer in use. */
  give(buffer: Buffer): void {
    const free = this.#free[31 - Math.clz32(buffer.length) - LEAST]
    if (free !== undefined && free.length < KEPT) free.push(buffer)
  }
}
