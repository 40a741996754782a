import { messageOf, type ErrorCode } from '../../core/errors.ts'
import type { BodyLength } from '../message/body-length.ts'
import { BodyChain, type BodyOutput, type BodyTransform, type ChainOwner } from './body-chain.ts'

/** A transform does not take the body, and says why. */
export class BodyRejected extends Error {
  override readonly name = 'BodyRejected'

  constructor(cause: unknown) {
    super(messageOf(cause), { cause })
  }
}

/** Why a request is answered with 400: the reason of a transform that does not take its body. */
export function rejection(error: unknown): string {
  const what = error instanceof BodyRejected ? 'is rejected' : 'cannot be decoded'
  return `the body ${what}: ${messageOf(error)}`
}

/** Digests of bytes that go on as others (RFC 9530, RFC 3230, RFC 1864), where they come behind these. */
const DIGEST_LINES = /^(?:content-digest|repr-digest|digest|content-md5):.*\r\n/gim

/** The exchange whose request it is. */
interface RequestBodyOwner {
  /** Bytes that the backend gets. */
  passBody(bytes: Buffer, start: number, end: number): void
  /** All of them have been passed. */
  passEnd(trailers: string, bytes: number): void
  readonly forward: { flush(): void } | undefined
  readonly downstream: { pauseBody(): void; resumeBody(): void }
  fail(code: ErrorCode, reason: string): void
}

/** A request's body that stages change on its way to the backend: the client is held to the pace of both. */
export class RequestBody implements ChainOwner {
  readonly #owner: RequestBodyOwner
  readonly #chain = new BodyChain(this)
  /** Passed to the backend. */
  #bytes = 0
  /** The backend takes no more for now; the transforms take no more. */
  #held = false
  #full = false

  constructor(owner: RequestBodyOwner) {
    this.#owner = owner
  }

  /** Added behind the transforms that are there. */
  add(make: (output: BodyOutput) => BodyTransform, length: BodyLength): void {
    const link = this.#chain.link()
    this.#chain.put(link, make(link), length)
  }

  write(buffer: Buffer, start: number, end: number): void {
    if (this.#chain.write(buffer, start, end)) return
    this.#full = true
    this.#owner.downstream.pauseBody()
  }

  flush(): void {
    this.#chain.flush()
  }

  end(trailers: string): void {
    this.#chain.end(trailers === '' ? '' : trailers.replace(DIGEST_LINES, ''))
  }

  abort(): void {
    this.#chain.abort()
  }

  hold(): void {
    this.#held = true
  }

  /** The backend takes more. True: so may the client. */
  release(): boolean {
    if (this.#held) {
      this.#held = false
      this.#chain.onDrain()
    }
    return !this.#full && !this.#held
  }

  // ChainOwner.

  sendBytes(bytes: Buffer): void {
    this.#bytes += bytes.length
    this.#owner.passBody(bytes, 0, bytes.length)
  }

  sendWhole(bytes: Buffer): boolean {
    this.sendBytes(bytes)
    return false
  }

  /** A request's head has gone out before its body is read. */
  beginBody(): void {}

  flushBytes(): boolean {
    this.#owner.forward?.flush()
    return !this.#held
  }

  endBody(trailers: string): void {
    this.#owner.passEnd(trailers, this.#bytes)
    this.#owner.forward?.flush()
  }

  failBody(error: unknown): void {
    this.#owner.fail('LB_BAD_REQUEST', rejection(error))
  }

  onChainReady(): void {
    this.#full = false
    if (!this.#held) this.#owner.downstream.resumeBody()
  }
}
