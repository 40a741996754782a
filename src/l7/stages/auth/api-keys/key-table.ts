import { hash } from 'node:crypto'
import type { Proven } from '../auth-method.ts'
import { KeyedHash, sameText } from '../keyed-hash.ts'

interface Entry {
  /** As it is sent. */
  readonly key: string
  readonly proven: Proven
}

/** Of the keys that were sent and proved by their digest. */
const MAX_SEEN = 100_000

/**
 * API keys by what is sent. A key is looked up by a keyed hash and compared in constant time, so neither the table nor the
 * comparison tells how much of a guess was right. A key of which only the digest is known costs a SHA-256 the first
 * time, and is then known by itself.
 */
export class KeyTable {
  readonly #hash = new KeyedHash()
  readonly #plain = new Map<number, Entry>()
  readonly #digests = new Map<string, Proven>()

  /** `key` as in the file. An empty one (a variable that is not set) is nobody's. */
  add(key: string, proven: Proven): void {
    const digest = /^sha256:([0-9a-f]{64})$/i.exec(key)?.[1]
    if (digest !== undefined) this.#digests.set(digest.toLowerCase(), proven)
    else if (key !== '') this.#put(key, proven)
  }

  get size(): number {
    return this.#plain.size + this.#digests.size
  }

  find(key: string): Proven | undefined {
    const entry = this.#plain.get(this.#hash.of(key))
    if (entry !== undefined && sameText(entry.key, key)) return entry.proven
    if (this.#digests.size === 0) return undefined
    // Where digests agree nothing is left to guess: the lookup may take what time it takes.
    const proven = this.#digests.get(hash('sha256', key))
    if (proven !== undefined && this.#plain.size < MAX_SEEN) this.#put(key, proven)
    return proven
  }

  /** Two keys with one hash of 53 bits do not happen; the later one would be known. */
  #put(key: string, proven: Proven): void {
    this.#plain.set(this.#hash.of(key), { key, proven })
  }
}
