import { ChunkedReader, type ChunkSink } from '../parse/chunked-reader.ts'
import { BAD_STATUS_LINE, MORE } from '../parse/parse-failure.ts'
import { MAX_INTERIM, parsedResponse, parseResponse, type UpstreamHead } from '../parse/response-parser.ts'

const LF = 10

export interface ResponseEvents {
  /** Returns false when such a head must not come now. `after..end` of `buffer` is what follows the head. */
  onHead(head: UpstreamHead, buffer: Buffer, after: number, end: number): boolean
  onBody(buffer: Buffer, start: number, end: number): void
  /** `keepAlive`: the framing allows another response on the connection. */
  onResponseEnd(trailers: string, keepAlive: boolean): void
}

const HEAD = 0
const LENGTH = 1
const CHUNKED = 2
const CLOSE = 3
/** Switched protocols: nothing more is read as HTTP. */
const RAW = 4

/** Reads responses from a connection, however the bytes are split. */
export class ResponseReader implements ChunkSink {
  readonly #events: ResponseEvents
  #state = HEAD
  #toHead = false
  #left = 0
  #keepAlive = false
  #interim = 0
  #chunks: ChunkedReader | undefined
  /** The beginning of an incomplete head. */
  #partial: Buffer | undefined

  constructor(events: ResponseEvents) {
    this.#events = events
  }

  /** Says whether the next response answers a HEAD request. */
  expect(toHead: boolean): void {
    this.#toHead = toHead
    this.#interim = 0
  }

  /** The head has been read, but not the whole body. */
  get inBody(): boolean {
    return this.#state !== HEAD
  }

  /** Some bytes of the response have come. */
  get begun(): boolean {
    return this.#state !== HEAD || this.#partial !== undefined
  }

  /** The body lasts until the connection closes. */
  get endsWithConnection(): boolean {
    return this.#state === CLOSE
  }

  /** The connection has ended, and the body with it. */
  finish(): void {
    this.#end('')
  }

  /** Reads one response or a part of it; returns the position up to which it read, or a failure. */
  read(buffer: Buffer, start: number, end: number): number {
    switch (this.#state) {
      case LENGTH: {
        const bodyEnd = Math.min(end, start + this.#left)
        this.#left -= bodyEnd - start
        this.#events.onBody(buffer, start, bodyEnd)
        if (this.#left === 0 && this.#state === LENGTH) this.#end('')
        return bodyEnd
      }
      case CHUNKED:
        return this.#chunks!.read(buffer, start, end, this)
      case CLOSE:
        this.#events.onBody(buffer, start, end)
        return end
      case RAW:
        return end
      default:
        return this.#readHead(buffer, start, end)
    }
  }

  onChunkData(buffer: Buffer, start: number, end: number): void {
    this.#events.onBody(buffer, start, end)
  }

  onChunkEnd(trailers: string): void {
    this.#end(trailers)
  }

  #readHead(buffer: Buffer, start: number, end: number): number {
    const partial = this.#partial
    if (partial === undefined) return this.#parse(buffer, start, end, 0)
    const before = partial.length
    const joined = Buffer.concat([partial, buffer.subarray(start, end)])
    this.#partial = joined
    // Without another line end the head cannot be complete: parsing again would be quadratic.
    if (buffer.subarray(start, end).indexOf(LF) === -1 && joined.length < 65_536) return end
    this.#partial = undefined
    const after = this.#parse(joined, 0, joined.length, before)
    return after <= 0 ? after : start + after - before
  }

  /** `before`: how many bytes of `buffer` came with earlier reads. */
  #parse(buffer: Buffer, start: number, end: number, before: number): number {
    const after = parseResponse(buffer, start, end, this.#toHead)
    if (after < 0) return after
    if (after === MORE) {
      this.#partial = before > 0 ? buffer : Buffer.from(buffer.subarray(start, end))
      return end
    }
    const head = parsedResponse()
    if (head.status < 200 && head.status !== 101) {
      if (++this.#interim > MAX_INTERIM) return BAD_STATUS_LINE
      return this.#events.onHead(head, buffer, after, end) ? after : BAD_STATUS_LINE
    }
    this.#begin(head)
    if (!this.#events.onHead(head, buffer, after, end)) return BAD_STATUS_LINE
    if (head.status === 101) return end
    if (this.#state === HEAD) this.#events.onResponseEnd('', this.#keepAlive)
    return after
  }

  #begin(head: UpstreamHead): void {
    this.#keepAlive = head.keepAlive
    if (head.status === 101) {
      this.#state = RAW
    } else if (head.chunked) {
      this.#state = CHUNKED
      this.#chunks = new ChunkedReader(true)
    } else if (head.untilClose) {
      this.#state = CLOSE
      this.#keepAlive = false
    } else if (head.bodyLength > 0 && !this.#toHead && head.status !== 304 && head.status !== 204) {
      this.#state = LENGTH
      this.#left = head.bodyLength
    }
  }

  #end(trailers: string): void {
    this.#state = HEAD
    this.#chunks = undefined
    this.#events.onResponseEnd(trailers, this.#keepAlive)
  }
}
