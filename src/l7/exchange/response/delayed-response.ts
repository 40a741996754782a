import type { ResponseHead } from './response-head.ts'

/**
 * A backend's response that the client does not get yet. The backend is held back meanwhile, so `chunks` are what it had
 * sent by then: one read, or one window of HTTP/2.
 */
export class DelayedResponse {
  readonly head: ResponseHead
  readonly chunks: Buffer[] = []
  /** Of the whole response; undefined while more of it follows. */
  trailers: string | undefined

  constructor(head: ResponseHead) {
    this.head = head
  }

  /** The caller may reuse the bytes afterwards. */
  add(buffer: Buffer, start: number, end: number): void {
    this.chunks.push(Buffer.from(buffer.subarray(start, end)))
  }
}
