import type { BodyOutput } from '../exchange/body-chain.ts'
import { bufferOf } from '../exchange/response/response-head.ts'
import { checkLines } from '../message/checked-line.ts'

/**
 * The output that a plugin's transform writes to, at any time: what cannot be sent breaks the response off, and is never thrown
 * into a callback that nobody guards.
 */
export class WatchedOutput implements BodyOutput {
  #output: BodyOutput | undefined
  #ended = false

  constructor(output?: BodyOutput) {
    this.#output = output
  }

  protected attach(output: BodyOutput): void {
    this.#output = output
  }

  write(bytes: Buffer): boolean {
    const buffer = this.#buffer(bytes)
    return buffer === undefined || this.#output!.write(buffer)
  }

  whole(bytes: Buffer): boolean {
    const buffer = this.#buffer(bytes)
    return buffer === undefined || this.#output!.whole(buffer)
  }

  begin(): void {
    this.#output?.begin()
  }

  ready(): void {
    this.#output?.ready()
  }

  /** Text goes as UTF-8. */
  #buffer(bytes: Uint8Array | string): Buffer | undefined {
    try {
      this.check()
      const buffer = bufferOf(bytes)
      // A chunk of no bytes would end the body (RFC 9112 §7.1).
      return buffer.length === 0 ? undefined : buffer
    } catch (error) {
      this.fault(error)
      return undefined
    }
  }

  /** Throws while nothing may be written. */
  protected check(): void {
    if (this.#ended) throw new Error('it writes behind the end of its body')
  }

  end(trailers: string = ''): void {
    if (this.#ended) return
    try {
      this.check()
      checkLines(trailers)
    } catch (error) {
      return this.fault(error)
    }
    this.#ended = true
    this.#output!.end(trailers)
  }

  fail(error: unknown): void {
    this.fault(error)
  }

  /** It has done what it must not. Thrown where the hook itself is still running. */
  protected fault(error: unknown): void {
    if (this.#output === undefined) throw error
    this.#output.fail(error)
  }
}
