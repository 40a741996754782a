import { randomBytes } from 'node:crypto'

/**
 * A 64-bit hash with a secret of this thread. The position of a text in a table by this hash says nothing about the
 * text: keys with a common beginning are as far apart as any others, so the time of a lookup shows no prefix.
 */
export class KeyedHash {
  /** The second half of the last hash. */
  high = 0
  readonly #low: number
  readonly #high: number

  constructor(seed: Buffer = randomBytes(8)) {
    this.#low = seed.readInt32LE(0)
    this.#high = seed.readInt32LE(4)
  }

  /** The first half; `high` has the second. Both are signed 32-bit numbers. */
  of(text: string): number {
    let low = this.#low
    let high = this.#high
    for (let i = 0; i < text.length; i++) {
      const c = text.charCodeAt(i)
      low = Math.imul(low ^ c, 0x9e3779b1)
      high = Math.imul(high ^ c, 0x5f356495)
      low ^= high >>> 15
      high ^= low >>> 13
    }
    this.high = Math.imul(high ^ (high >>> 15), 0xc2b2ae35)
    return Math.imul(low ^ (low >>> 16), 0x85ebca6b)
  }
}

/** Whether two texts of the same length are equal, in a time that does not show where they differ. */
export function sameText(a: string, b: string): boolean {
  if (a.length !== b.length) return false
  let difference = 0
  for (let i = 0; i < a.length; i++) difference |= a.charCodeAt(i) ^ b.charCodeAt(i)
  return difference === 0
}
