import type { BodyOutput, BodyTransform } from '../../exchange/body-chain.ts'
import { encodedTrailers } from './encoded-fields.ts'

/** Gathers a body of known, small length and gives it out compressed, in one piece. */
export class WholeEncoder implements BodyTransform {
  readonly #length: number
  readonly #compress: (bytes: Buffer) => Buffer
  readonly #output: BodyOutput
  #gathered: Buffer | undefined
  #at = 0
  #done = false

  constructor(length: number, compress: (bytes: Buffer) => Buffer, output: BodyOutput) {
    this.#length = length
    this.#compress = compress
    this.#output = output
  }

  write(buffer: Buffer, start: number, end: number): boolean {
    if (this.#at === 0 && end - start === this.#length) {
      this.#at = this.#length
      return this.#give(buffer.subarray(start, end))
    }
    this.#gathered ??= Buffer.allocUnsafe(this.#length)
    this.#at += buffer.copy(this.#gathered, this.#at, start, end)
    return this.#at < this.#length || this.#give(this.#gathered)
  }

  end(trailers: string): void {
    // Less than was announced: the source breaks the message off, and this is never reached with it.
    if (!this.#done && this.#gathered !== undefined) this.#give(this.#gathered.subarray(0, this.#at))
    this.#output.end(encodedTrailers(trailers))
  }

  onDrain(): void {
    this.#output.ready()
  }

  #give(bytes: Buffer): boolean {
    this.#done = true
    return this.#output.write(this.#compress(bytes))
  }
}
