import type { Proven } from '../auth-method.ts'
import type { VerifyKey } from './key-set.ts'

interface Entry {
  readonly proven: Proven
  readonly key: VerifyKey
  /** ms since 1970. */
  readonly until: number
}

/** What all tokens together may take, in characters. */
const MAX_CHARACTERS = 32 * 1024 * 1024

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
    const entry = this.#entries.get(token)
    if (entry === undefined) return undefined
    if (now < entry.until && !entry.key.revoked) return entry.proven
    this.#drop(token)
    return undefined
  }

  put(token: string, proven: Proven, key: VerifyKey, until: number): void {
    if (this.#max === 0) return
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size < this.#max && this.#characters + token.length <= MAX_CHARACTERS) break
      this.#drop(oldest)
    }
    this.#entries.set(token, { proven, key, until })
    this.#characters += token.length
  }

  #drop(token: string): void {
    if (this.#entries.delete(token)) this.#characters -= token.length
  }
}
