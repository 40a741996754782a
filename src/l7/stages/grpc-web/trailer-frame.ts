import type { BodyOutput, BodyTransform } from '../../exchange/body-chain.ts'

/** This bit of the first byte marks the frame with the trailers. */
const TRAILERS = 0x80

/**
 * Passes a body on and appends its trailers as a frame: a byte, the length in four bytes, "name: value\r\n" lines in
 * lower case.
 */
export class TrailerFrame implements BodyTransform {
  readonly #output: BodyOutput

  constructor(output: BodyOutput) {
    this.#output = output
  }

  write(buffer: Buffer, start: number, end: number): boolean {
    return this.#output.write(Buffer.from(buffer.subarray(start, end)))
  }

  onDrain(): void {
    this.#output.ready()
  }

  end(trailers: string): void {
    if (trailers !== '') {
      const lines = trailers.replace(/^[^:\r\n]+(?=:)/gm, (name) => name.toLowerCase())
      const frame = Buffer.alloc(5 + lines.length)
      frame[0] = TRAILERS
      frame.writeUInt32BE(lines.length, 1)
      frame.write(lines, 5, 'latin1')
      this.#output.write(frame)
    }
    this.#output.end('')
  }
}
