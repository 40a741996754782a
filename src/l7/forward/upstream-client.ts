import type { ErrorCode } from '../../core/errors.ts'
import type { Transport } from '../../net/transport/transport.ts'
import type { UpstreamHead } from '../http1/parse/response-parser.ts'

/** How an attempt broke on the backend's side. */
export type UpstreamFailure = 'reset' | 'protocol-error' | 'timeout' | 'idle'

export const failureCodes = {
  reset: 'LB_UPSTREAM_RESET',
  'protocol-error': 'LB_UPSTREAM_PROTOCOL',
  timeout: 'LB_RESPONSE_TIMEOUT',
  idle: 'LB_UPSTREAM_IDLE'
} satisfies Record<UpstreamFailure, ErrorCode>

/**
 * Who sent a request over an upstream connection and hears what becomes of it. Either `onResponseEnd`, `onUpgrade` or
 * `onFailure` comes last, unless the request was cancelled.
 */
export interface UpstreamClient {
  /** A 1xx other than 101. */
  onInterim(head: UpstreamHead): void
  onResponse(head: UpstreamHead): void
  /** Part of the body; valid during the call. */
  onBody(buffer: Buffer, start: number, end: number): void
  /** `trailers`: "Name: value\r\n" lines, '' for none. */
  onResponseEnd(trailers: string): void
  /** All that one read brought has been told: what was gathered may be written. */
  onReadDone(): void
  /** The request's bytes that waited have gone to the kernel. */
  onUpstreamDrain(): void
  /** 101 (RFC 9110 §7.8): the connection is the client's from now on, beginning with `rest`. */
  onUpgrade(head: UpstreamHead, transport: Transport, rest: Buffer): void
  /** `clean`: not one byte of an answer had come, and the connection had served others before. */
  onFailure(failure: UpstreamFailure, reason: string, clean: boolean): void
}

/** One request under way on an upstream connection. */
export interface UpstreamStream {
  /** Part of the request's body, already framed by the connection. False: wait for `onUpstreamDrain`. */
  sendBody(buffer: Buffer, start: number, end: number): boolean
  /** The request is complete; `trailers` go with a chunked body only. */
  endBody(trailers: string): void
  /** Writes what was gathered. False: wait for `onUpstreamDrain`. */
  flush(): boolean
  /** Gives the request up; nothing more is heard of it. */
  cancel(): void
  pause(): void
  resume(): void
}
