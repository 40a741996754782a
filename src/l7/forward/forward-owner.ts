import type { Backend } from '../../balancer/pool/backend.ts'
import type { Lease } from '../../balancer/pool/lease.ts'
import type { PickContext } from '../../balancer/pool/pick-context.ts'
import type { Contained } from '../../core/containment.ts'
import type { ErrorCode } from '../../core/errors.ts'
import type { ByteStream } from '../../net/transport/byte-stream.ts'
import type { BodyLength } from '../message/body-length.ts'
import type { HeaderBlock } from '../message/header-block.ts'
import type { TieHolder } from './client-ties.ts'
import type { Response } from '../message/response.ts'

/** A request as it goes to a backend, whatever version of HTTP takes it there. */
export interface Outgoing {
  readonly method: string
  readonly scheme: 'http' | 'https'
  /** Host or :authority. */
  readonly authority: string
  /** Path and query. */
  readonly path: string
  /** Without Host, framing, and what concerns one connection. */
  readonly headers: HeaderBlock
  /** 0 without a body. */
  readonly bodyLength: BodyLength
  /** The protocols that Upgrade asks for, '' for none. */
  readonly upgrade: string
  /** Trailers of the response are welcome (TE). */
  readonly acceptsTrailers: boolean
  readonly context: PickContext
  /** PROXY header to begin a new connection with. */
  readonly preface: Buffer | undefined
  /** The client's connection; undefined for what is asked for nobody. */
  readonly client: TieHolder | undefined
  /** Its credentials are those of the connection that it goes over (NTLM, Negotiate). */
  readonly authenticates: boolean
}

/** Receives the events of a forwarded request. One of `onEnd`, `onUpgrade` and `onFailed` comes last. */
export interface ForwardOwner extends Contained {
  /** The request's bytes are being read: `flush` follows. */
  readonly reading: boolean
  /** A backend is there to take the request's body. */
  startBody(): void
  pauseBody(): void
  resumeBody(): void
  onInterim(head: Response): void
  onResponse(head: Response, backend: Backend): void
  onBody(buffer: Buffer, start: number, end: number): void
  onEnd(trailers: string): void
  onReadDone(): void
  onUpgrade(head: Response, transport: ByteStream, rest: Buffer, lease: Lease): void
  onFailed(code: ErrorCode, reason: string, backend: Backend | undefined): void
}

/** Ignores everything: the owner of a forward whose exchange has ended. */
export const nobody: ForwardOwner = {
  reading: false,
  startBody() {},
  pauseBody() {},
  resumeBody() {},
  onInterim() {},
  onResponse() {},
  onBody() {},
  onEnd() {},
  onReadDone() {},
  onUpgrade() {},
  onFailed() {}
}

/** Reading up to this much of an answer that nobody wants costs less than another connection. */
const WORTH_READING = 16_384

/** What is left of an answer is worth reading for the connection's sake. */
export function isShort(method: string, { status, bodyLength }: Response): boolean {
  if (method === 'HEAD' || status === 304 || status === 204) return true
  return bodyLength >= 0 && bodyLength <= WORTH_READING
}
