import type { Proven } from '../auth-method.ts'
import type { VerifyKey } from './key-set.ts'

interface Entry {
  readonly token: string
  readonly proven: Proven
  readonly key: VerifyKey
  /** ms since 1970. */
  readonly until: number
}

/** The most that all tokens together may take, in characters. */
const MAX_CHARACTERS = 32 * 1024 * 1024

/** Characters of the signature used as the key: as good as random, and 43 characters are hashed faster than 500. */
const TAIL = 43

/** Proven tokens, until they expire or their key is revoked. When it is full, the oldest is dropped. */
export class TokenCache {
  readonly #entries = new Map<string, Entry>()
  readonly #max: number
  #characters = 0

  constructor(max: number) {
    this.#max = max
  }

  get size(): number {
    return this.#entries.size
  }

  get(token: string, now: number): Proven | undefined {
    const tail = token.slice(-TAIL)
    const entry = this.#entries.get(tail)
    if (entry === undefined || entry.token !== token) return undefined
    if (now < entry.until && !entry.key.revoked) return entry.proven
    this.#drop(tail)
    return undefined
  }

  put(token: string, proven: Proven, key: VerifyKey, until: number): void {
    if (this.#max === 0) return
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size < this.#max && this.#characters + token.length <= MAX_CHARACTERS) break
      this.#drop(oldest)
    }
    // A copy: a substring would keep the whole head alive.
    const copy = Buffer.from(token, 'latin1').toString('latin1')
    const tail = copy.slice(-TAIL)
    this.#drop(tail)
    this.#entries.set(tail, { token: copy, proven, key, until })
    this.#characters += copy.length
  }

  #drop(tail: string): void {
    const entry = this.#entries.get(tail)
    if (entry !== undefined && this.#entries.delete(tail)) this.#characters -= entry.token.length
  }
}
