import type { HeaderBlock } from '../message/header-block.ts'

/** Who made a response. */
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
  #body: Buffer | undefined

  constructor(status: number, reason: string, headers: HeaderBlock, length: number, source: ResponseSource) {
    this.status = status
    this.reason = reason
    this.headers = headers
    this.length = length
    this.source = source
  }

  /** What `replaceBody` was given. */
  get body(): Buffer | undefined {
    return this.#body
  }

  /** The client gets `bytes` in place of the body; what the backend sends of its own is dropped. */
  replaceBody(bytes: Buffer, contentType: string): void {
    this.#body = bytes
    this.length = bytes.length
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
