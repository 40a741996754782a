import type { Outcome } from '../../balancer/pool/lease.ts'
import type { RetryConfig } from '../../config/model/model.ts'
import type { Contained } from '../../core/containment.ts'
import type { ErrorCode } from '../../core/errors.ts'
import type { DialFailure } from '../../net/dial/dial-failure.ts'
import type { ByteStream } from '../../net/transport/byte-stream.ts'
import type { Response } from '../message/response.ts'

/**
 * How an attempt broke on the backend's side. `internal`: ours; the backend is not blamed. `refused`: the backend says that
 * it did nothing with the request (RFC 9113 §8.7). `down`: probes found it down meanwhile, which is blame enough.
 */
export type UpstreamFailure =
  'refused' | 'reset' | 'down' | 'protocol-error' | 'timeout' | 'idle' | 'internal'

/** What the client is told of such an attempt, and what its lease ends with. */
export const failures = {
  refused: { code: 'LB_UPSTREAM_RESET', outcome: 'unused' },
  reset: { code: 'LB_UPSTREAM_RESET', outcome: 'reset' },
  down: { code: 'LB_UPSTREAM_RESET', outcome: 'cancelled' },
  'protocol-error': { code: 'LB_UPSTREAM_PROTOCOL', outcome: 'protocol-error' },
  timeout: { code: 'LB_RESPONSE_TIMEOUT', outcome: 'timeout' },
  idle: { code: 'LB_UPSTREAM_IDLE', outcome: 'timeout' },
  internal: { code: 'LB_INTERNAL', outcome: 'cancelled' }
} satisfies Record<UpstreamFailure, { readonly code: ErrorCode; readonly outcome: Outcome }>

/** Whether `retry.on` names such a failure. */
export function mayTryAfter(failure: UpstreamFailure, on: RetryConfig['on']): boolean {
  if (failure === 'reset' || failure === 'down') return on.includes('reset')
  return (failure === 'timeout' || failure === 'idle') && on.includes('timeout')
}

/**
 * Who sent a request over an upstream connection and hears what becomes of it. One of `onOpenFailure`,
 * `onResponseEnd`, `onUpgrade` and `onFailure` comes last, unless the request was cancelled.
 */
export interface UpstreamClient extends Contained {
  /** The stream, which was not open at once, takes the body now. */
  onOpen(): void
  /** No connection could be had: nothing was sent. */
  onOpenFailure(failure: DialFailure, reason: string): void
  /** A 1xx other than 101. */
  onInterim(head: Response): void
  onResponse(head: Response): void
  /** Part of the body; valid during the call. */
  onBody(buffer: Buffer, start: number, end: number): void
  /** `trailers`: "Name: value\r\n" lines, '' for none. */
  onResponseEnd(trailers: string): void
  /** All that one read brought has been told: what was gathered may be written. */
  onReadDone(): void
  /** The request's bytes that waited have gone to the kernel. */
  onUpstreamDrain(): void
  /** 101 (RFC 9110 §7.8): the connection is the client's from now on, beginning with `rest`. */
  onUpgrade(head: Response, transport: ByteStream, rest: Buffer): void
  /** `clean`: the backend closed a connection that had served others, and not one byte of an answer had come. */
  onFailure(failure: UpstreamFailure, reason: string, clean: boolean): void
}

/** Hears nothing: the client of a request that was cancelled. */
export const unheard: UpstreamClient = {
  onOpen() {},
  onOpenFailure() {},
  onInterim() {},
  onResponse() {},
  onBody() {},
  onResponseEnd() {},
  onReadDone() {},
  onUpstreamDrain() {},
  onUpgrade() {},
  onFailure() {}
}
