import type { HeaderBlock } from '../../message/header-block.ts'
import { UNKNOWN_LENGTH } from '../../message/body-length.ts'
import { BodyWriter, FRAME_CLOSE } from './body-writer.ts'
import { responseHead } from './response-head.ts'

export interface ResponseOptions {
  /** HTTP/1.x version of the client. */
  readonly minor: number
  readonly close: boolean
  /** The client takes trailers. */
  readonly trailers: boolean
}

/** Writes responses to a client of HTTP/1.x. */
export class ResponseWriter extends BodyWriter {
  #untilClose = false
  #trailers = false

  /** The body of the response under way lasts until the connection closes. */
  get untilClose(): boolean {
    return this.#untilClose
  }

  /** Begins a response; returns whether the connection must close after it. `length`: bytes, UNKNOWN_LENGTH or NO_BODY. */
  response(
    status: number,
    reason: string,
    fields: string,
    length: number,
    options: ResponseOptions
  ): boolean {
    const { minor } = options
    // RFC 9112 §6.3: an HTTP/1.0 client knows no chunks.
    this.#untilClose = length === UNKNOWN_LENGTH && minor === 0
    this.#trailers = options.trailers
    const close = options.close || this.#untilClose
    const framing = this.#untilClose
      ? FRAME_CLOSE
      : length === UNKNOWN_LENGTH
        ? UNKNOWN_LENGTH
        : Math.max(length, 0)
    this.head(responseHead(status, reason, fields, length, minor, close), framing)
    return close
  }

  /** A 1xx other than 101. */
  interim(status: number, reason: string, headers: HeaderBlock): void {
    this.text(`HTTP/1.1 ${status} ${reason}\r\n${headers.text}\r\n`)
  }

  switching(reason: string, fields: string, upgrade: string): void {
    this.text(`HTTP/1.1 101 ${reason}\r\n${fields}Connection: Upgrade\r\nUpgrade: ${upgrade}\r\n\r\n`)
  }

  /** Trailers that the client did not ask for are dropped (RFC 9110 §6.5.1). */
  override end(trailers: string): void {
    super.end(this.#trailers ? trailers : '')
  }
}
