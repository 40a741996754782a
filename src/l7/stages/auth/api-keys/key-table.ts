import { hash } from 'node:crypto'
import type { Proven } from '../auth-method.ts'
import { KeyedHash, sameText } from '../keyed-hash.ts'

/** The most keys remembered that were proven by their digest. */
const MAX_SEEN = 100_000

/** Places of a bucket, and numbers of a place: the two halves of the hash, and 1 + the position of the key. */
const PLACES = 8
const NUMBERS = 3
const BUCKET = PLACES * NUMBERS

/**
 * API keys by their text. A key is looked up by a keyed hash, in a bucket of which all places are looked at, and compared in
 * constant time. So timing does not show how much of a guess is right, and a guess that is repeated takes no longer than
 * another one because of where it lies in the table. A key of which only the digest is known costs a SHA-256 the first time;
 * after that its text is known.
 */
export class KeyTable {
  readonly #hash = new KeyedHash()
  /** Half a key a bucket at most on average, so hardly one is ever full; then there are more buckets. */
  #buckets = new Int32Array(BUCKET * 32)
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
    const at = this.#positionOf(low, this.#hash.high) - 1
    if (at >= 0 && sameText(this.#keys[at]!, key)) return this.#proven[at]
    if (this.#digests.size === 0) return undefined
    // The digest matches, so the key is right; the lookup need not take constant time.
    const proven = this.#digests.get(hash('sha256', key))
    if (proven !== undefined && this.#keys.length < MAX_SEEN) this.#put(key, proven)
    return proven
  }

  /** Two keys with the same 64-bit hash do not occur in practice; the later one would win. */
  #put(key: string, proven: Proven): void {
    const low = this.#hash.of(key)
    const { high } = this.#hash
    const known = this.#positionOf(low, high)
    const at = known > 0 ? known - 1 : this.#keys.length
    this.#keys[at] = key
    this.#proven[at] = proven
    if (known > 0) return
    while (2 * this.#keys.length > this.#buckets.length / BUCKET || !this.#store(low, high, at + 1))
      this.#grow()
  }

  /** 1 + the position of the key with this hash; 0: there is none. The work is the same for all but that key. */
  #positionOf(low: number, high: number): number {
    const buckets = this.#buckets
    const from = this.#bucketOf(low)
    let position = 0
    for (let place = from; place < from + BUCKET; place += NUMBERS) {
      if (((buckets[place]! ^ low) | (buckets[place + 1]! ^ high)) === 0) position = buckets[place + 2]!
    }
    return position
  }

  /** False: the bucket is full. */
  #store(low: number, high: number, position: number): boolean {
    const from = this.#bucketOf(low)
    for (let place = from; place < from + BUCKET; place += NUMBERS) {
      if (this.#buckets[place + 2] !== 0) continue
      this.#buckets[place] = low
      this.#buckets[place + 1] = high
      this.#buckets[place + 2] = position
      return true
    }
    return false
  }

  #bucketOf(low: number): number {
    return (low & (this.#buckets.length / BUCKET - 1)) * BUCKET
  }

  /** Keys of one bucket lie in two afterwards, so all fit in again. */
  #grow(): void {
    const old = this.#buckets
    this.#buckets = new Int32Array(2 * old.length)
    for (let place = 0; place < old.length; place += NUMBERS) {
      const position = old[place + 2]!
      if (position !== 0) this.#store(old[place]!, old[place + 1]!, position)
    }
  }
}
