/** Buffers kept of each size. */
const KEPT = 16
/** The smallest, as a power of two. */
const LEAST = 10
const SIZES = 10

/**
 * Memory that bodies are gathered in, by powers of two. Memory made for each body is outside of V8's heap and leaves it by a
 * collection only: at 39 KB a response that was a full one, of many milliseconds, every 1,500 responses.
 */
export class BodyBuffers {
  readonly #free: Buffer[][] = Array.from({ length: SIZES }, () => [])

  /** At least `bytes` long. */
  take(bytes: number): Buffer {
    const size = bytes <= 2 ** LEAST ? LEAST : 32 - Math.clz32(bytes - 1)
    return this.#free[size - LEAST]?.pop() ?? Buffer.allocUnsafeSlow(2 ** size)
  }

  /** What `take` gave, and nobody uses any more. */
  give(buffer: Buffer): void {
    const free = this.#free[31 - Math.clz32(buffer.length) - LEAST]
    if (free !== undefined && free.length < KEPT) free.push(buffer)
  }
}
