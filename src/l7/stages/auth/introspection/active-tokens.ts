import type { Proven } from '../auth-method.ts'

/** Tokens that were active, by digest, for a short time. A full table forgets the oldest. */
export class ActiveTokens {
  readonly #tokens = new Map<string, { readonly proven: Proven; readonly until: number }>()
  readonly #max: number

  constructor(max: number) {
    this.#max = max
  }

  get size(): number {
    return this.#tokens.size
  }

  /** `now` and `until` in ms since 1970. */
  get(digest: string, now: number): Proven | undefined {
    const entry = this.#tokens.get(digest)
    if (entry === undefined) return undefined
    if (now < entry.until) return entry.proven
    this.#tokens.delete(digest)
    return undefined
  }

  put(digest: string, proven: Proven, until: number): void {
    if (this.#max === 0) return
    this.#tokens.delete(digest)
    if (this.#tokens.size >= this.#max) this.#tokens.delete(this.#tokens.keys().next().value!)
    this.#tokens.set(digest, { proven, until })
  }
}
