import type { Proven } from '../auth-method.ts'
import type { VerifyKey } from './key-set.ts'

interface Entry {
  readonly token: string
  readonly proven: Proven
  readonly key: VerifyKey
  /** ms since 1970. */
  readonly until: number
}

/** What all tokens together may take, in characters. */
const MAX_CHARACTERS = 32 * 1024 * 1024

/** Of the signature: as good as random, and 43 characters are hashed faster than 500. */
const TAIL = 43

/** Tokens that were proven, until they expire or their key is taken back. A full cache forgets the oldest. */
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
    // A copy: a part of the head would keep all of it.
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
