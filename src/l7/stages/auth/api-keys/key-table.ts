import { hash } from 'node:crypto'
import type { Proven } from '../auth-method.ts'
import { KeyedHash, sameText } from '../keyed-hash.ts'

/** Of the keys that were sent and proved by their digest. */
const MAX_SEEN = 100_000

/**
 * API keys by what is sent. A key is looked up by a keyed hash and compared in constant time, so neither the table nor the
 * comparison tells how much of a guess was right. A key of which only the digest is known costs a SHA-256 the first
 * time, and is then known by itself.
 */
export class KeyTable {
  readonly #hash = new KeyedHash()
  /** Open addressing, at most half full: the hash's halves and 1 + where the key stands. */
  #slots = new Int32Array(3 * 64)
  readonly #keys: string[] = []
  readonly #proven: Proven[] = []
  readonly #digests = new Map<string, Proven>()

  /** `key` as in the file. An empty one (a variable that is not set) is nobody's. */
  add(key: string, proven: Proven): void {
    const digest = /^sha256:([0-9a-f]{64})$/i.exec(key)?.[1]
    if (digest !== undefined) this.#digests.set(digest.toLowerCase(), proven)
    else if (key !== '') this.#put(key, proven)
  }

  get size(): number {
    return this.#keys.length + this.#digests.size
  }

  find(key: string): Proven | undefined {
    const low = this.#hash.of(key)
    const at = this.#slots[this.#slotOf(low, this.#hash.high) + 2]! - 1
    if (at >= 0 && sameText(this.#keys[at]!, key)) return this.#proven[at]
    if (this.#digests.size === 0) return undefined
    // Where digests agree nothing is left to guess: the lookup may take what time it takes.
    const proven = this.#digests.get(hash('sha256', key))
    if (proven !== undefined && this.#keys.length < MAX_SEEN) this.#put(key, proven)
    return proven
  }

  /** Two keys with one hash of 64 bits do not happen; the later one would be known. */
  #put(key: string, proven: Proven): void {
    if (6 * (this.#keys.length + 1) > this.#slots.length) this.#grow()
    const low = this.#hash.of(key)
    const { high } = this.#hash
    const slot = this.#slotOf(low, high)
    const known = this.#slots[slot + 2]! - 1
    const at = known >= 0 ? known : this.#keys.length
    this.#keys[at] = key
    this.#proven[at] = proven
    this.#slots[slot] = low
    this.#slots[slot + 1] = high
    this.#slots[slot + 2] = at + 1
  }

  /** The slot with this hash, or the free one where it would stand. */
  #slotOf(low: number, high: number): number {
    const slots = this.#slots
    const mask = slots.length / 3 - 1
    for (let place = low & mask; ; place = (place + 1) & mask) {
      const slot = 3 * place
      if (slots[slot + 2] === 0 || (slots[slot] === low && slots[slot + 1] === high)) return slot
    }
  }

  #grow(): void {
    const old = this.#slots
    this.#slots = new Int32Array(2 * old.length)
    for (let slot = 0; slot < old.length; slot += 3) {
      if (old[slot + 2] === 0) continue
      this.#slots.set(old.subarray(slot, slot + 3), this.#slotOf(old[slot]!, old[slot + 1]!))
    }
  }
}
