import { createHash } from 'node:crypto'
import { decoders } from '../clients/answer.ts'

/** The body of a request, as it comes to a backend. */
export class Upload {
  /** Bytes so far, as they came. */
  received = 0
  readonly #coding: string | undefined
  readonly #parts: Buffer[] = []

  constructor(coding: string | undefined) {
    this.#coding = coding
  }

  add(bytes: Buffer): void {
    this.received += bytes.length
    // What it is read into is used again.
    this.#parts.push(Buffer.from(bytes))
  }

  /** What it is when decoded. */
  end(): { readonly bytes: number; readonly hash: string } {
    const whole = Buffer.concat(this.#parts)
    const plain = this.#coding === undefined ? whole : decoders[this.#coding]!(whole)
    return { bytes: plain.length, hash: createHash('sha256').update(plain).digest('hex') }
  }
}
