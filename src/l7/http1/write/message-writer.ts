import type { Transport } from '../../../net/transport/transport.ts'
import { UNKNOWN_LENGTH, NO_BODY } from '../../message/body-length.ts'
import { latin1 } from '../../../core/latin1.ts'
import type { HeaderBlock } from '../../message/header-block.ts'
import { statusTexts } from '../../message/status-texts.ts'

/** Up to this many bytes, pieces of bodies are gathered with the text before them into one string: one write per small message. */
const GATHER_BYTES = 1_024
/** The same for chunks: text follows each of them, and often another one. */
const GATHER_CHUNK_BYTES = 8_192

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
    // An empty chunk would be the end of the body (RFC 9112 §7.1).
    if (length === 0) return
    const chunked = this.#framing === UNKNOWN_LENGTH
    if (chunked) this.#out += length.toString(16) + '\r\n'
    const joined = length === this.#framing && this.#transport.joins(buffer, start - this.#out.length)
    if (!joined && length <= (chunked ? GATHER_CHUNK_BYTES : GATHER_BYTES)) {
      this.#out += chunked ? latin1(buffer, start, end) + '\r\n' : latin1(buffer, start, end)
      if (this.#out.length > 2 * GATHER_CHUNK_BYTES) this.flush()
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

/** The beginning of every head, in the pieces that may be sent before the rest is known. */
const AHEAD = ['HTTP/', '1.1 ']

/** Writes responses to a client of HTTP/1.x. */
export class ResponseWriter extends BodyWriter {
  #untilClose = false
  #trailers = false
  /** Pieces of AHEAD that were sent before their head. */
  #ahead = 0
  /** Digits of the next chunk's length that were sent before it. */
  #zeros = 0

  /** The body of the response under way lasts until the connection closes. */
  get untilClose(): boolean {
    return this.#untilClose
  }

  /**
   * Begins a response to a client of HTTP/1.`minor`; returns whether the connection must close after it. `length`: bytes,
   * UNKNOWN_LENGTH or NO_BODY. `trailers`: the client takes them.
   */
  response(
    status: number,
    reason: string,
    fields: string,
    length: number,
    minor: number,
    close: boolean,
    trailers: boolean
  ): boolean {
    // RFC 9112 §6.3: an HTTP/1.0 client does not understand chunks.
    this.#untilClose = length === UNKNOWN_LENGTH && minor === 0
    this.#trailers = trailers
    const closes = close || this.#untilClose
    const framing = this.#untilClose
      ? FRAME_CLOSE
      : length === UNKNOWN_LENGTH
        ? UNKNOWN_LENGTH
        : Math.max(length, 0)
    const text = responseHead(status, reason, fields, length, minor, closes)
    this.head(this.#ahead === 0 ? text : this.#rest(text), framing)
    return closes
  }

  /** A 1xx other than 101. */
  interim(status: number, reason: string, headers: HeaderBlock): void {
    this.text(this.#rest(`HTTP/1.1 ${status} ${reason}\r\n${headers.text}\r\n`))
  }

  switching(reason: string, fields: string, upgrade: string): void {
    const text = `HTTP/1.1 101 ${reason}\r\n${fields}Connection: Upgrade\r\nUpgrade: ${upgrade}\r\n\r\n`
    this.text(this.#rest(text))
  }

  /**
   * Sends bytes that come next in any case: a part of a status line, or zeros before the length of a chunk (RFC 9112
   * §7.1). False when there are none.
   */
  sendAhead(inBody: boolean): boolean {
    if (!inBody && this.#ahead < AHEAD.length) this.text(AHEAD[this.#ahead++]!)
    else if (inBody && this.chunked && this.#zeros++ < AHEAD.length) this.text('0')
    else return false
    this.flush()
    return true
  }

  /** Bytes were sent ahead of their chunk, and the client was still there. */
  get hasAhead(): boolean {
    return this.chunked && this.#zeros > 0
  }

  #rest(text: string): string {
    const sent = this.#ahead
    this.#ahead = 0
    return sent === 0 ? text : text.slice(sent === 1 ? AHEAD[0]!.length : AHEAD.join('').length)
  }

  /** Trailers that the client did not ask for are dropped (RFC 9110 §6.5.1). */
  override end(trailers: string): void {
    super.end(this.#trailers ? trailers : '')
  }
}

/**
 * Status line, fields and framing of a response to a client of HTTP/1.`minor`. The version is always HTTP/1.1 (RFC 9112
 * §2.5), since lb speaks that; what an older client does not understand is left out.
 */
export function responseHead(
  status: number,
  reason: string,
  fields: string,
  length: number,
  minor: number,
  close: boolean
): string {
  const head = statusLine(status, reason) + fields
  const end = close ? CLOSE : minor === 0 ? KEEP_ALIVE : '\r\n'
  if (length >= 0) return head + `Content-Length: ${length}\r\n${end}`
  if (length === UNKNOWN_LENGTH) return minor === 1 ? head + CHUNKS + end : head + end
  if (length === NO_BODY) return head + end
  throw new RangeError(`length ${length}`)
}

const CLOSE = 'Connection: close\r\n\r\n'
const KEEP_ALIVE = 'Connection: keep-alive\r\n\r\n'
const CHUNKS = 'Transfer-Encoding: chunked\r\n'

/** By status, with the usual reason. Each piece that a head is put together from costs 10 to 20 ns. */
const usualLines: string[] = new Array<string>(1000).fill('')

function statusLine(status: number, reason: string): string {
  const usual = statusTexts[status] ?? ''
  if (reason !== '' && reason !== usual) return `HTTP/1.1 ${status} ${reason}\r\n`
  const made = usualLines[status]
  if (made !== undefined && made !== '') return made
  const line = `HTTP/1.1 ${status} ${usual}\r\n`
  if (status < usualLines.length) usualLines[status] = line
  return line
}
