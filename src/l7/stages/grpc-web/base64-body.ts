import { latin1 } from '../../../core/latin1.ts'
import type { BodyOutput, BodyTransform } from '../../exchange/body-chain.ts'

/** Decodes base64 as it comes: segments one after the other, each with its own padding. */
export class Base64Decoder implements BodyTransform {
  readonly #output: BodyOutput
  /** Characters of an incomplete group. */
  #rest = ''
  #failed = false

  constructor(output: BodyOutput) {
    this.#output = output
  }

  write(buffer: Buffer, start: number, end: number): boolean {
    if (this.#failed) return true
    const text = this.#rest + latin1(buffer, start, end)
    const whole = text.length & ~3
    this.#rest = text.slice(whole)
    const groups = text.slice(0, whole)
    if (!/^(?:[A-Za-z0-9+/]{4}|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{2}==)*$/.test(groups)) return this.#fail()
    if (whole === 0) return true
    // Node stops decoding at the first padding.
    const segments = groups.includes('=') ? groups.split(/(?<==)(?!=)/) : [groups]
    return this.#output.write(Buffer.concat(segments.map((segment) => Buffer.from(segment, 'base64'))))
  }

  end(trailers: string): void {
    if (this.#rest !== '') this.#fail()
    if (!this.#failed) this.#output.end(trailers)
  }

  onDrain(): void {
    this.#output.ready()
  }

  #fail(): boolean {
    this.#failed = true
    this.#output.fail(new Error('not base64'))
    return true
  }
}

/** Encodes each piece separately, with padding, so that no message waits for the next one. */
export function base64Output(output: BodyOutput): BodyOutput {
  return {
    write: (bytes) => output.write(Buffer.from(bytes.toString('base64'), 'latin1')),
    whole: (bytes) => output.whole(Buffer.from(bytes.toString('base64'), 'latin1')) || true,
    begin: () => output.begin(),
    ready: () => output.ready(),
    end: (trailers) => output.end(trailers),
    fail: (error) => output.fail(error)
  }
}
