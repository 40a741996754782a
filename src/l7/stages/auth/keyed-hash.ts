import { randomBytes } from 'node:crypto'

/**
 * A hash of 53 bits by a secret of this thread. Where a text lands in a table by it says nothing about the text: two keys with
 * the same beginning are as far apart as any others, so the time of a lookup tells no prefix.
 */
export class KeyedHash {
  readonly #low: number
  readonly #high: number

  constructor(seed: Buffer = randomBytes(8)) {
    this.#low = seed.readInt32LE(0)
    this.#high = seed.readInt32LE(4)
  }

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
    low = Math.imul(low ^ (low >>> 16), 0x85ebca6b)
    high = Math.imul(high ^ (high >>> 15), 0xc2b2ae35)
    return (low >>> 0) * 0x20_0000 + (high >>> 11)
  }
}

/** Whether two texts of one length are the same, in a time that does not tell where they differ. */
export function sameText(a: string, b: string): boolean {
  if (a.length !== b.length) return false
  let difference = 0
  for (let i = 0; i < a.length; i++) difference |= a.charCodeAt(i) ^ b.charCodeAt(i)
  return difference === 0
}
