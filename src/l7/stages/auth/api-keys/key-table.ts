import { hash } from 'node:crypto'
import type { Proven } from '../auth-method.ts'
import { KeyedHash, sameText } from '../keyed-hash.ts'

/** The most keys remembered that were proven by their digest. */
const MAX_SEEN = 100_000

/** Of a bucket: the numbers of all of them are one line of the processor's cache, or two. */
const PLACES = 8

/**
 * API keys by their text. A key is looked up by a keyed hash, in a bucket of which all places are looked at, and compared in
 * constant time. So timing does not show how much of a guess is right, and a guess that is repeated takes no longer than
 * another one because of where it lies in the table. A key of which only the digest is known costs a SHA-256 the first time;
 * after that its text is known.
 */
export class KeyTable {
  readonly #hash = new KeyedHash()
  /** By place: a half of the hash; the other half chooses the bucket. */
  #tags = new Int32Array(PLACES * 16)
  #keys = placesFor<string>(this.#tags.length)
  #proven = placesFor<Proven>(this.#tags.length)
  #count = 0
  readonly #digests = new Map<string, Proven>()

  /** `key` as in the file. An empty one (an unset variable) matches nothing. */
  add(key: string, proven: Proven): void {
    const digest = /^sha256:([0-9a-f]{64})$/i.exec(key)?.[1]
    if (digest !== undefined) this.#digests.set(digest.toLowerCase(), proven)
    else if (key !== '') this.#put(key, proven)
  }

  get size(): number {
    return this.#count + this.#digests.size
  }

  find(key: string): Proven | undefined {
    const place = this.#placeOf(key)
    if (place !== -1) return this.#proven[place]
    if (this.#digests.size === 0) return undefined
    // The digest matches, so the key is right; the lookup need not take constant time.
    const proven = this.#digests.get(hash('sha256', key))
    if (proven !== undefined && this.#count < MAX_SEEN) this.#put(key, proven)
    return proven
  }

  /** The later owner of a key has it. */
  #put(key: string, proven: Proven): void {
    const known = this.#placeOf(key)
    if (known !== -1) this.#proven[known] = proven
    else {
      this.#count++
      while (!this.#store(key, proven)) this.#grow()
    }
  }

  /** -1: it is none of these. The work is the same for all other texts, but for one in 500 million. */
  #placeOf(key: string): number {
    const first = this.#firstPlace(this.#hash.of(key))
    const { high } = this.#hash
    const tags = this.#tags
    let found = -1
    for (let place = first; place < first + PLACES; place++) {
      if (tags[place] === high && this.#holds(place, key)) found = place
    }
    return found
  }

  #holds(place: number, key: string): boolean {
    const known = this.#keys[place]
    return known !== undefined && sameText(known, key)
  }

  /** False: the bucket is full. */
  #store(key: string, proven: Proven): boolean {
    const first = this.#firstPlace(this.#hash.of(key))
    for (let place = first; place < first + PLACES; place++) {
      if (this.#keys[place] !== undefined) continue
      this.#tags[place] = this.#hash.high
      this.#keys[place] = key
      this.#proven[place] = proven
      return true
    }
    return false
  }

  /** Of the bucket of this hash. */
  #firstPlace(low: number): number {
    return Math.imul(low, PLACES) & (this.#tags.length - 1)
  }

  /** The keys of one bucket lie in two afterwards, so all fit in again. */
  #grow(): void {
    const [keys, proven] = [this.#keys, this.#proven]
    this.#tags = new Int32Array(2 * keys.length)
    this.#keys = placesFor(2 * keys.length)
    this.#proven = placesFor(2 * keys.length)
    for (const [place, key] of keys.entries()) {
      if (key !== undefined) this.#store(key, proven[place]!)
    }
  }
}

function placesFor<Value>(count: number): (Value | undefined)[] {
  return Array.from<Value | undefined>({ length: count }).fill(undefined)
}
