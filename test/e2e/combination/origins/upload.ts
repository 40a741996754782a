import { createHash } from 'node:crypto'
import { decoders } from '../clients/answer.ts'

/** The body of a request, as it comes to a backend. */
export class Upload {
  /** Bytes so far, as they came. */
  received = 0
  readonly #coding: string | undefined
  readonly #parts: Buffer[] = []

  readonly #turned: boolean

  /** `turned`: by plugins/turn-uploads.ts. */
  constructor(coding: string | undefined, turned = false) {
    this.#coding = coding
    this.#turned = turned
  }

  add(bytes: Buffer): void {
    this.received += bytes.length
    // What it is read into is used again.
    const part = Buffer.from(bytes)
    this.#parts.push(this.#turned ? (part.map((octet) => octet ^ 0x5a) as Buffer) : part)
  }

  /** What it is when decoded. */
  end(): { readonly bytes: number; readonly hash: string } {
    const whole = Buffer.concat(this.#parts)
    const plain = this.#coding === undefined ? whole : decoders[this.#coding]!(whole)
    return { bytes: plain.length, hash: createHash('sha256').update(plain).digest('hex') }
  }
}
