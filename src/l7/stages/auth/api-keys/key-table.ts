import { hash } from 'node:crypto'
import type { Proven } from '../auth-method.ts'
import { KeyedHash, sameText } from '../keyed-hash.ts'

/** The most keys remembered that were proven by their digest. */
const MAX_SEEN = 100_000

/** Places of a bucket: with two numbers each, all of a bucket come with one or two lines of the processor's cache. */
const PLACES = 8

/**
 * API keys by their text. A key is looked up by a keyed hash, in a bucket of which all places are looked at, and compared in
 * constant time. So timing does not show how much of a guess is right, and a guess that is repeated takes no longer than
 * another one because of where it lies in the table. A key of which only the digest is known costs a SHA-256 the first time;
 * after that its text is known.
 */
export class KeyTable {
  readonly #hash = new KeyedHash()
  /** The two halves of the hash by place, 0 where there is no key. */
  #hashes = new Int32Array(2 * PLACES * 16)
  /** 1 + the position of the key by place. */
  #positions = new Int32Array(PLACES * 16)
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
    if (known === 0) while (!this.#store(low, high, at + 1)) this.#grow()
  }

  /** 1 + the position of the key with this hash; 0: there is none. The work is the same for all but that key. */
  #positionOf(low: number, high: number): number {
    const hashes = this.#hashes
    const first = this.#firstPlace(low)
    let found = -1
    for (let place = first; place < first + PLACES; place++) {
      if (((hashes[2 * place]! ^ low) | (hashes[2 * place + 1]! ^ high)) === 0) found = place
    }
    return found === -1 ? 0 : this.#positions[found]!
  }

  /** False: the bucket is full. */
  #store(low: number, high: number, position: number): boolean {
    const first = this.#firstPlace(low)
    for (let place = first; place < first + PLACES; place++) {
      if (this.#positions[place] !== 0) continue
      this.#hashes[2 * place] = low
      this.#hashes[2 * place + 1] = high
      this.#positions[place] = position
      return true
    }
    return false
  }

  /** Of the bucket of this hash. */
  #firstPlace(low: number): number {
    return Math.imul(low, PLACES) & (this.#positions.length - 1)
  }

  /** The keys of one bucket lie in two afterwards, so all fit in again. */
  #grow(): void {
    const [hashes, positions] = [this.#hashes, this.#positions]
    this.#hashes = new Int32Array(2 * hashes.length)
    this.#positions = new Int32Array(2 * positions.length)
    for (let place = 0; place < positions.length; place++) {
      const position = positions[place]!
      if (position !== 0) this.#store(hashes[2 * place]!, hashes[2 * place + 1]!, position)
    }
  }
}
