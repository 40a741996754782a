/** How a stream closed, which decides what a later frame on it means (RFC 9113 §5.1). */
export const BY_BOTH_ENDS = 1
export const BY_US = 2
export const BY_PEER = 3

const REMEMBERED = 64
/** As many as V8 stores inline; most connections close no more streams. */
const AT_FIRST = 16

/** The streams that closed last. Older ones are forgotten, and frames on those are ignored. */
export class ClosedIds {
  /** Half of the id, whose last bit is set, and how it closed in the lowest two bits. */
  #closed = new Int32Array(AT_FIRST)
  #next = 0

  add(id: number, way: number): void {
    if (this.#next === this.#closed.length) this.#next = this.#roomBehind()
    this.#closed[this.#next++] = ((id >>> 1) << 2) | way
  }

  /** How the stream closed; 0 when it is not remembered. */
  way(id: number): number {
    const wanted = (id >>> 1) << 2
    for (const one of this.#closed) if ((one & ~3) === wanted && one !== 0) return one & 3
    return 0
  }

  #roomBehind(): number {
    const before = this.#closed
    if (before.length === REMEMBERED) return 0
    this.#closed = new Int32Array(REMEMBERED)
    this.#closed.set(before)
    return before.length
  }
}
