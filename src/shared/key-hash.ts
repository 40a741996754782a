/**
 * A 64-bit hash of a key that is made of several parts, in two 32-bit halves: for tables that keep hashes instead of keys. Seeded,
 * so that nobody outside can choose keys that collide. One object is used again for all keys of a thread.
 */
export class KeyHash {
  low = 0
  high = 0

  begin(seed: number): void {
    this.low = seed | 0
    this.high = Math.imul(seed ^ 0x6a09e667, 0x9e3779b1)
  }

  /** Parts cannot run into each other: each ends by its length. */
  addText(text: string): void {
    let { low, high } = this
    const { length } = text
    for (let i = 0; i < length; i++) {
      const c = text.charCodeAt(i)
      low = Math.imul(low ^ c, 0x01000193)
      high = Math.imul(high ^ c, 0x85ebca6b)
      high ^= high >>> 15
    }
    this.low = low
    this.high = high
    this.addNumber(length)
  }

  addNumber(value: number): void {
    let low = Math.imul(this.low ^ value, 0xcc9e2d51)
    low = Math.imul(low ^ (low >>> 15), 0x1b873593)
    let high = Math.imul(this.high ^ value, 0xc2b2ae35)
    high = Math.imul(high ^ (high >>> 13), 0x27d4eb2f)
    this.low = low ^ (low >>> 16)
    this.high = high ^ (high >>> 16)
  }
}
