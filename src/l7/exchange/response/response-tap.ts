import type { Response } from '../../message/response.ts'

/** Sees a backend's response on its way to the client, and may answer in its place: the cache. */
export interface ResponseTap {
  /** True: it answers the client itself, and the backend's answer is not for it. */
  onResponse(head: Response): boolean
  onBody(buffer: Buffer, start: number, end: number): void
  /** The body is whole. */
  onEnd(): void
  /** There will be no response. True: it answers the client itself. */
  onError(): boolean
  /** The exchange broke off. */
  abort(): void
  /** The backend is held back, since the client takes no more for now. */
  onPaused(): void
  /** The fetch is worth finishing without its client. */
  readonly wanted: boolean
  /** The client is gone; the rest is for the tap alone. */
  orphan(): void
}
