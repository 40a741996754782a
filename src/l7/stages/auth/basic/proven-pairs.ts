import { createHmac, randomBytes } from 'node:crypto'

const MAX_PAIRS = 10_000

/**
 * Pairs of name and password that were proven lately, as digests under a key of this thread: it contains no passwords.
 */
export class ProvenPairs {
  readonly #key = randomBytes(32)
  /** Digest → when it expires. */
  readonly #until = new Map<string, number>()
  readonly #rememberMs: number

  constructor(rememberMs: number) {
    this.#rememberMs = rememberMs
  }

  /** The hash is part of the digest: after a change of the password the old pair proves nothing. */
  digest(name: string, password: string, hash: string): string {
    return createHmac('sha256', this.#key)
      .update(`${name.length}:${name}${password.length}:${password}${hash}`)
      .digest('base64')
  }

  has(digest: string, now: number): boolean {
    const until = this.#until.get(digest)
    if (until === undefined) return false
    if (now < until) return true
    this.#until.delete(digest)
    return false
  }

  add(digest: string, now: number): void {
    if (this.#rememberMs === 0) return
    if (this.#until.size >= MAX_PAIRS) this.#until.delete(this.#until.keys().next().value!)
    this.#until.set(digest, now + this.#rememberMs)
  }
}
