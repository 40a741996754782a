import { createHmac, randomBytes } from 'node:crypto'

/** Of base64url: 132 bits. */
const LENGTH = 22

/**
 * Values that proofs must hold (RFC 9449 §9), so that a client can make none in advance. There is one for each span of
 * time, made of its number and a key that all threads have: nothing is remembered, and checking one compares texts.
 */
export class Nonces {
  readonly #lastsMs: number
  readonly #key: Buffer
  #span = NaN
  #before = ''
  #current = ''
  #after = ''

  /** `lastsMs`: how long one is given out; it is accepted as long again. */
  constructor(lastsMs: number, key: Buffer) {
    this.#lastsMs = lastsMs
    this.#key = key
  }

  /** A random key, for all threads of this instance. */
  static allocateKey(): SharedArrayBuffer {
    const key = new SharedArrayBuffer(32)
    new Uint8Array(key).set(randomBytes(32))
    return key
  }

  /** The one to give out. `now` in ms since 1970. */
  current(now: number): string {
    this.#turn(now)
    return this.#current
  }

  /** `old`: still accepted, but the client should be given another. Undefined: none of these. */
  age(value: unknown, now: number): 'fresh' | 'old' | undefined {
    this.#turn(now)
    // The clock of another instance with the same key may be ahead.
    if (value === this.#current || value === this.#after) return 'fresh'
    return value === this.#before ? 'old' : undefined
  }

  #turn(now: number): void {
    const span = Math.floor(now / this.#lastsMs)
    if (span === this.#span) return
    this.#span = span
    this.#before = this.#of(span - 1)
    this.#current = this.#of(span)
    this.#after = this.#of(span + 1)
  }

  #of(span: number): string {
    return createHmac('sha256', this.#key).update(`dpop nonce ${span}`).digest('base64url').slice(0, LENGTH)
  }
}
