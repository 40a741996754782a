import { hash } from 'node:crypto'
import type { Proven } from '../auth-method.ts'
import { KeyedHash, sameText } from '../keyed-hash.ts'

/** The most keys remembered that were proven by their digest. */
const MAX_SEEN = 100_000

/**
 * API keys by their text. A key is looked up by a keyed hash and compared in constant time, so timing does not show how
 * much of a guess is right. A key of which only the digest is known costs a SHA-256 the first time; after that its text
 * is known.
 */
export class KeyTable {
  readonly #hash = new KeyedHash()
  /** Open addressing, at most half full: the two halves of the hash, and 1 + the position of the key. */
  #slots = new Int32Array(3 * 64)
  readonly #keys: string[] = []
  readonly #proven: Proven[] = []
  readonly #digests = new Map<string, Proven>()

  /** `key` as in the file. An empty one (an unset variable) matches nothing. */
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
    // The digest matches, so the key is right; the lookup need not take constant time.
    const proven = this.#digests.get(hash('sha256', key))
    if (proven !== undefined && this.#keys.length < MAX_SEEN) this.#put(key, proven)
    return proven
  }

  /** Two keys with the same 64-bit hash do not occur in practice; the later one would win. */
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

  /** The slot with this hash, or the free slot for it. */
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
