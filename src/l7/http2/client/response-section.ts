import { HeaderBlock } from '../../message/header-block.ts'
import { UNKNOWN_LENGTH } from '../../message/body-length.ts'
import { RESPONSE_FIELDS, RESPONSE_HEAD_BYTES, type UpstreamHead } from '../../http1/parse/response-parser.ts'
import { repeatedLength } from '../../http1/parse/framing.ts'
import type { FieldSink } from '../hpack/decoder.ts'
import type { TableEntry } from '../hpack/decoder-table.ts'
import {
  CONTENT_LENGTH,
  CONTENT_TYPE,
  DROPPED,
  MALFORMED,
  OF_CONNECTION,
  SEEN_SHIFT,
  STATUS,
  UNKNOWN_PSEUDO
} from '../hpack/field-marks.ts'

/**
 * Reads the field section of a response (RFC 9113 §8.3.2). One per thread: a section is decoded and read within one
 * call.
 */
export class ResponseSection implements FieldSink {
  /** The body length that content-length declares; -1 without one. */
  contentLength = -1
  status = 0
  #text = ''
  #seen = 0
  #fields = 0
  #regular = false
  #malformed = false
  #grpc = false

  begin(): this {
    this.contentLength = -1
    this.status = this.#seen = this.#fields = 0
    this.#text = ''
    this.#regular = this.#malformed = this.#grpc = false
    return this
  }

  onField(field: TableEntry): void {
    const kind = field.marks & 0xff
    if (kind <= UNKNOWN_PSEUDO) {
      if (kind !== STATUS || this.#regular || this.status !== 0 || !/^[1-9]\d\d$/.test(field.value)) {
        this.#malformed = true
      } else this.status = Number(field.value)
      return
    }
    this.#regular = true
    this.#fields++
    switch (kind) {
      case MALFORMED:
      case OF_CONNECTION:
        this.#malformed = true
        return
      case CONTENT_LENGTH: {
        const length = repeatedLength(field.value)
        if (length === -1 || (this.contentLength !== -1 && this.contentLength !== length))
          this.#malformed = true
        this.contentLength = length
        return
      }
      case DROPPED:
        return
      case CONTENT_TYPE:
        this.#grpc = field.value.startsWith('application/grpc')
        break
    }
    this.#seen |= field.marks >>> SEEN_SHIFT
    this.#text += field.line
  }

  /** Undefined: malformed. `toHead`: it answers a HEAD request. */
  end(endStream: boolean, toHead: boolean): UpstreamHead | undefined {
    const { status } = this
    if (this.#malformed || status === 0 || status === 101) return undefined
    if (this.#fields > RESPONSE_FIELDS || this.#text.length > RESPONSE_HEAD_BYTES) return undefined
    if (status < 200 && endStream) return undefined
    const bodiless = toHead || status < 200 || status === 204 || status === 304
    if (endStream && !bodiless && this.contentLength > 0) return undefined
    // A gRPC response that consists of trailers only has no length: it is sent on in the same form.
    const ends = endStream && !bodiless && !this.#grpc
    const bodyLength = this.contentLength >= 0 ? this.contentLength : ends ? 0 : UNKNOWN_LENGTH
    return {
      status,
      reason: '',
      headers: new HeaderBlock(this.#text),
      bodyLength,
      chunked: bodyLength === UNKNOWN_LENGTH && !bodiless,
      untilClose: false,
      keepAlive: true,
      keepAliveSeconds: undefined,
      upgrade: '',
      connectionNames: '',
      seen: this.#seen
    }
  }
}
