/** How a stream closed. What comes on it later means something else each time (RFC 9113 §5.1). */
export const BY_BOTH_ENDS = 1
export const BY_US = 2
export const BY_PEER = 3

const REMEMBERED = 64

/** The streams that closed last. Who came before them is forgotten, and what comes on those is ignored. */
export class ClosedIds {
  readonly #ids = new Int32Array(REMEMBERED)
  readonly #ways = new Uint8Array(REMEMBERED)
  #next = 0

  add(id: number, way: number): void {
    this.#ids[this.#next] = id
    this.#ways[this.#next] = way
    this.#next = (this.#next + 1) % REMEMBERED
  }

  /** 0: not remembered. */
  way(id: number): number {
    const at = this.#ids.indexOf(id)
    return at === -1 ? 0 : this.#ways[at]!
  }
}
