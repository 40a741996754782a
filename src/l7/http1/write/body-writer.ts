import type { Transport } from '../../../net/transport/transport.ts'
import { UNKNOWN_LENGTH } from '../../message/body-length.ts'
import { latin1 } from '../../../core/latin1.ts'

/** Smaller bodies are gathered with the text before them into one string: one write per small message. */
const GATHER_BYTES = 8_192

/** The body lasts until the connection closes: responses to HTTP/1.0 clients. */
export const FRAME_CLOSE = -3

/**
 * Writes messages to one connection. Heads and small pieces are gathered into one string until `flush`; a larger piece
 * is sent with that string in one writev. Frames bodies (RFC 9112 §6, §7.1).
 */
export class BodyWriter {
  readonly #transport: Transport
  #out = ''
  #framing = 0
  /** False from a write that the kernel did not accept whole until the transport drains. */
  #flowing = true

  constructor(transport: Transport) {
    this.#transport = transport
  }

  get flowing(): boolean {
    return this.#flowing
  }

  protected get chunked(): boolean {
    return this.#framing === UNKNOWN_LENGTH
  }

  /** The transport's `onDrain`. */
  drained(): void {
    this.#flowing = true
  }

  /** Begins a message with its head; its body gets this framing. */
  head(text: string, framing: number): void {
    this.#out += text
    this.#framing = framing
  }

  /** Text without a body: an interim response. */
  text(text: string): void {
    this.#out += text
  }

  body(buffer: Buffer, start: number, end: number): void {
    const length = end - start
    const chunked = this.#framing === UNKNOWN_LENGTH
    if (chunked) this.#out += length.toString(16) + '\r\n'
    if (length <= GATHER_BYTES) {
      this.#out += chunked ? latin1(buffer, start, end) + '\r\n' : latin1(buffer, start, end)
      if (this.#out.length > 2 * GATHER_BYTES) this.flush()
      return
    }
    const out = this.#out
    this.#out = chunked ? '\r\n' : ''
    if (!this.#transport.sendTextAndBytes(out, buffer, start, end)) this.#flowing = false
  }

  /** As `body`, for a small piece that is a latin1 string already. */
  bodyText(text: string): void {
    if (text === '') return
    this.#out += this.#framing === UNKNOWN_LENGTH ? `${text.length.toString(16)}\r\n${text}\r\n` : text
  }

  /** Ends a chunked body. `trailers`: "Name: value\r\n" lines. */
  end(trailers: string): void {
    if (this.#framing === UNKNOWN_LENGTH) this.#out += `0\r\n${trailers}\r\n`
    this.#framing = 0
  }

  /** False when data waits for `onDrain`. */
  flush(): boolean {
    if (this.#out !== '') {
      const out = this.#out
      this.#out = ''
      if (!this.#transport.sendText(out)) this.#flowing = false
    }
    return this.#flowing
  }
}
