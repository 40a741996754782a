import type { Backend } from '../../balancer/pool/backend.ts'
import type { Outgoing } from './forward-owner.ts'
import type { UpstreamClient } from './upstream-client.ts'

/** How long the backend may take, in ms. */
export interface UpstreamTimes {
  readonly connectMs: number
  /** From the whole request sent to the whole head of the response. */
  readonly responseMs: number
  /** Without progress on a body. */
  readonly idleMs: number
  /** As `idleMs`, for event streams. */
  readonly streamMs: number
}

/**
 * The backends of a pool as Forward sees them. Kept connections, pipelining, dialling, or the streams of a shared
 * connection are the business of whoever implements it. What `maxConnections` counts is sockets, over all threads.
 */
export interface Upstreams {
  /**
   * Begins to send `request`. The stream that is returned takes the body if it `isOpen`; otherwise one of the client's
   * `onOpen` and `onOpenFailure` comes later. `needsNew`: not over an idle connection, where each request has one by itself.
   */
  open(
    backend: Backend,
    request: Outgoing,
    times: UpstreamTimes,
    client: UpstreamClient,
    needsNew: boolean
  ): UpstreamStream
}

/** One request on its way to a backend. */
export interface UpstreamStream {
  /** The head is on its way, and the body may follow. */
  readonly isOpen: boolean
  /** Part of the request's body, not framed. False: wait for `onUpstreamDrain`. */
  sendBody(buffer: Buffer, start: number, end: number): boolean
  /**
   * The request is complete, with `bytes` of body; `trailers` go where there is room for them. Where other than `bytes`
   * have been sent, or other than were announced, nothing is ended and what is wrong is returned.
   */
  endBody(trailers: string, bytes: number): string | undefined
  /** Writes what was gathered. False: wait for `onUpstreamDrain`. */
  flush(): boolean
  /** Gives the request up at any time; nothing more is heard of it. */
  cancel(): void
  pause(): void
  resume(): void
}
