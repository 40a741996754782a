import { MAX_VARIANT_BYTES } from './variants.ts'

/** Gathers what a compressor gives out for the next who asks for the same; one that grows too long is given up. */
export class VariantCopy {
  readonly #keep: (bytes: Buffer) => void
  #pieces: Buffer[] | undefined = []
  #length = 0

  constructor(keep: (bytes: Buffer) => void) {
    this.#keep = keep
  }

  add(bytes: Buffer): void {
    if (this.#pieces === undefined) return
    this.#length += bytes.length
    if (this.#length > MAX_VARIANT_BYTES) this.#pieces = undefined
    else this.#pieces.push(bytes)
  }

  finish(): void {
    if (this.#pieces !== undefined) this.#keep(Buffer.concat(this.#pieces))
  }
}
