import { Pieces } from '../../net/transport/pieces.ts'
import type { Attempts } from './retry/attempts.ts'
import type { UpstreamStream } from './upstreams.ts'

const NONE: readonly Buffer[] = []

/**
 * The body of one request on its way through one attempt or several. A stream is ended only if every byte that was
 * received has been sent to it: `end` counts, and tells what is missing.
 */
export class Upload {
  readonly #attempts: Attempts
  #received = 0
  /** To the stream under way. */
  #sent = 0
  /** Received while there was no stream. The client is paused then, so this is the rest of one read of it. */
  #held: Pieces | undefined
  #trailers = ''
  /** The owner was asked for the body. */
  started = false
  /** All of it has been received. */
  ended = false

  constructor(attempts: Attempts) {
    this.#attempts = attempts
  }

  /** False: the client is to wait. */
  receive(stream: UpstreamStream | undefined, buffer: Buffer, start: number, end: number): boolean {
    this.#received += end - start
    if (stream !== undefined) return this.#pass(stream, buffer, start, end)
    ;(this.#held ??= new Pieces()).add(buffer, start, end)
    return false
  }

  /** `bytes`: length of the body as who received it counted. Returns what is wrong, or undefined. */
  complete(trailers: string, bytes: number): string | undefined {
    this.ended = true
    this.#trailers = trailers
    return bytes === this.#received ? undefined : `${this.#received} of ${bytes} bytes of the body came`
  }

  /** Gives a new stream all that was received so far. False: the client is to wait. */
  begin(stream: UpstreamStream): boolean {
    let flowing = true
    this.#sent = 0
    for (const chunk of this.#attempts.sent) {
      this.#sent += chunk.length
      flowing = stream.sendBody(chunk, 0, chunk.length)
    }
    const held = this.#held
    this.#held = undefined
    for (const chunk of held?.take() ?? NONE) flowing = this.#pass(stream, chunk, 0, chunk.length)
    return flowing
  }

  /** Returns what is missing, or undefined. */
  end(stream: UpstreamStream): string | undefined {
    if (this.#sent !== this.#received) {
      return `${this.#sent} of ${this.#received} bytes of the body were sent`
    }
    return stream.endBody(this.#trailers, this.#sent)
  }

  drop(): void {
    this.#held = undefined
  }

  #pass(stream: UpstreamStream, buffer: Buffer, start: number, end: number): boolean {
    this.#sent += end - start
    this.#attempts.bodySent(buffer, start, end)
    return stream.sendBody(buffer, start, end)
  }
}
