import { BodyReader } from '../../cache/fetch/body-reader.ts'
import type { StoredForms } from '../../cache/forms/stored-forms.ts'
import type { StoredRecord } from '../../cache/ports.ts'
import type { HeaderBlock } from '../../message/header-block.ts'
import { dateLine } from '../../headers/date-line.ts'
import { SEEN_DATE } from '../../message/seen.ts'
import type { Response } from '../../message/response.ts'
import type { Request } from '../../message/request.ts'
import { NO_BODY } from '../../message/body-length.ts'

/** Forms up to here go out in one piece. */
const FORM_PIECE = 64 * 1024

const NO_BYTES = Buffer.alloc(0)

/** The origin of a response. */
export type ResponseSource = 'backend' | 'cache' | 'local' | 'error'

/**
 * The head of a response on its way to the client, as stages may still change it. `headers` has no framing and no
 * Connection: the protocol's own. Left alone it costs one small object.
 */
export class ResponseHead {
  status: number
  /** '' for the usual one. HTTP/2 has none. */
  reason: string
  readonly headers: HeaderBlock
  /** Bytes of body that follow, UNKNOWN_LENGTH or NO_BODY. */
  length: number
  readonly source: ResponseSource
  /** The whole body as it follows, where it is at hand; it stays untouched. */
  whole: Buffer | undefined
  /** Other forms of the body, where it is a stored one that follows whole. */
  stored: StoredForms | undefined
  /** One of them, which goes out in place of the body. Written by `substituteForm` only. */
  form: BodyReader | undefined
  /**
   * A plugin nearer to the backend may put a transform of the body between: `whole` and `stored` are not what comes out of it, and
   * must not be encoded in its place.
   */
  mayTransform = false
  /** No stage is asked for a transform of the body: it goes out as it is, or as it is put in place. */
  asItIs = false
  /** Content coding that is still to be applied to the body. Written by the compress stage only, as `identityLength`. */
  coding: string | undefined
  /** Of the body before it. */
  identityLength = 0
  /** Goes out with the body, whose length it then says, or when the body begins. Written by the compress stage only. */
  held = false
  /** The Content-Security-Policy of the body that was put in place. Written by the error-pages stage only. */
  policy: string | undefined
  /** The substitute as latin1, for the cheapest way out. */
  bodyText: string | undefined
  #body: Buffer | undefined

  constructor(status: number, reason: string, headers: HeaderBlock, length: number, source: ResponseSource) {
    this.status = status
    this.reason = reason
    this.headers = headers
    this.length = length
    this.source = source
  }

  /** What stands in place of the body. */
  get body(): Buffer | undefined {
    return this.#body
  }

  /** The same in other bytes, say, compressed; `text` as latin1 where it is at hand. The source's own are dropped. */
  substitute(bytes: Buffer, text?: string): void {
    this.#body = this.whole = bytes
    this.bodyText = text
    this.length = bytes.length
  }

  /** No body follows, whatever its source sends: the status has none. */
  dropBody(length: typeof NO_BODY | 0): void {
    this.substitute(NO_BYTES)
    this.stored = this.form = undefined
    this.length = length
  }

  /** A stored form of it, read from `record`, which is taken over. */
  substituteForm(record: StoredRecord): void {
    const length = record.available
    if (length <= FORM_PIECE) {
      this.substitute(record.read(0, length) ?? Buffer.alloc(0), record.text)
      record.release()
      return
    }
    this.whole = undefined
    this.form = new BodyReader(record, 0, length)
    this.length = length
  }

  /** The client gets `bytes`, text as UTF-8, in place of the body; what the backend sends of its own is dropped. */
  replaceBody(bytes: Uint8Array | string, contentType: string): void {
    this.substitute(bufferOf(bytes))
    this.stored = undefined
    for (const name of [
      'content-encoding',
      'content-range',
      'etag',
      'last-modified',
      'accept-ranges',
      'trailer'
    ]) {
      this.headers.remove(name)
    }
    this.headers.set('Content-Type', contentType)
  }
}

/** What is written in a plugin may be text, or bytes of another kind. */
export function bufferOf(bytes: Uint8Array | string): Buffer {
  if (Buffer.isBuffer(bytes)) return bytes
  if (typeof bytes === 'string') return Buffer.from(bytes)
  if (bytes instanceof Uint8Array) return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  throw new TypeError(`a body is made of bytes or text, and this is ${String(bytes)}`)
}

/** A backend's head as it sets out for the client: without what concerned that hop only. */
export function upstreamResponse(request: Request, head: Response): ResponseHead {
  const { status, headers } = head
  // RFC 9110 §6.6.1: a recipient with a clock adds the Date that a response lacks.
  if ((head.seen & SEEN_DATE) === 0) headers.appendLines(dateLine())
  const bodiless = request.method === 'HEAD' || status === 304
  const length = status === 204 || (bodiless && head.bodyLength < 0) ? NO_BODY : head.bodyLength
  return new ResponseHead(status, head.reason, headers, length, 'backend')
}
