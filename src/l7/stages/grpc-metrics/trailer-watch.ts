import type { BodyOutput, BodyTransform } from '../../exchange/body-chain.ts'

/** Passes a body on and reports the grpc-status in its trailers. */
export class TrailerWatch implements BodyTransform {
  readonly #output: BodyOutput
  readonly #tell: (status: string) => void

  constructor(output: BodyOutput, tell: (status: string) => void) {
    this.#output = output
    this.#tell = tell
  }

  write(buffer: Buffer, start: number, end: number): boolean {
    return this.#output.write(Buffer.from(buffer.subarray(start, end)))
  }

  onDrain(): void {
    this.#output.ready()
  }

  end(trailers: string): void {
    const status = /^grpc-status: *(\d{1,3})\r$/im.exec(trailers)?.[1]
    if (status !== undefined) this.#tell(status)
    this.#output.end(trailers)
  }
}
