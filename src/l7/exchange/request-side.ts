import type { ErrorCode } from '../../core/errors.ts'
import type { Forward } from '../forward/forward.ts'
import type { Outgoing } from '../forward/forward-owner.ts'
import { makeOutgoing } from '../forward/outgoing.ts'
import { passableTrailers } from '../headers/trailers.ts'
import { UNKNOWN_LENGTH } from '../message/body-length.ts'
import { SEEN_TRAILER } from '../message/seen.ts'
import type { BodyOutput, BodyTransform } from './body-chain.ts'
import type { HeldBody } from './held-body.ts'
import { RequestBody } from './request-body.ts'
import { ResponseExit } from './response/response-exit.ts'

/** The way of a request to a backend: its head as it goes on, and its body, held, changed or copied on the way. */
export abstract class RequestSide extends ResponseExit {
  forward: Forward | undefined
  /** Receives the request's body as it passes. Written by the mirror stage only. */
  bodyCopy: RequestBodyCopy | undefined
  #body: RequestBody | undefined
  #outgoing: Outgoing | undefined
  #alter: ((outgoing: Outgoing) => Outgoing) | undefined
  #held: HeldBody | undefined

  abstract override fail(code: ErrorCode, reason: string): void

  /** The request as it goes to a backend, made when it is first asked for. */
  get outgoing(): Outgoing {
    return (this.#outgoing ??= makeOutgoing(this, this.target!))
  }

  /** A backend is asked for what `alter` makes of the request; written by the cache stage, for validators and ranges. */
  alterOutgoing(alter: (outgoing: Outgoing) => Outgoing): void {
    this.#alter = alter
  }

  /** As it is asked for. */
  protected get altered(): Outgoing {
    return this.#alter?.(this.outgoing) ?? this.outgoing
  }

  protected get held(): HeldBody | undefined {
    return this.#held
  }

  /** The body goes here until a backend is asked. Called by the buffer stage only, which then has it read. */
  holdBody(held: HeldBody): void {
    this.#held = held
  }

  // From the client's side.

  onRequestBody(buffer: Buffer, start: number, end: number): void {
    this.bytesIn += end - start
    const limit = this.route?.limits.bodyBytes
    if (limit !== undefined && this.bytesIn > limit) {
      this.fail('LB_BODY_TOO_LARGE', 'more than limits.bodyBytes')
      return
    }
    if (this.#body === undefined) this.passBody(buffer, start, end)
    else this.#body.write(buffer, start, end)
  }

  onRequestEnd(trailers: string): void {
    // Some servers fail on trailers that no Trailer field announced (RFC 9110 §6.6.2).
    const announced = (this.request.seen & SEEN_TRAILER) !== 0 && trailers !== ''
    const edited = this.route?.decided
    const passed = announced
      ? passableTrailers(trailers, edited, this.request.headers.get('trailer') ?? '')
      : ''
    if (this.#body === undefined) this.passEnd(passed, this.bytesIn)
    else this.#body.end(passed)
  }

  #wholeBody(): void {
    const held = this.#held
    if (held === undefined) return
    this.forwardLength = held.bytes
    if (this.#outgoing !== undefined) this.#outgoing = { ...this.#outgoing, bodyLength: held.bytes }
    held.end()
  }

  /** All that one read brought has been told. */
  onRequestReadDone(): void {
    this.#body?.flush()
    this.forward?.flush()
  }

  startBody(): void {
    // Its transforms have been held since they put out more than a buffer takes.
    this.#body?.release()
    this.downstream.startBody()
  }

  pauseBody(): void {
    this.#body?.hold()
    this.downstream.pauseBody()
  }

  resumeBody(): void {
    if (this.#body?.release() !== false) this.downstream.resumeBody()
  }

  /** The request's body goes on as what `make` makes of it; for stages, before a backend is asked. */
  changeRequestBody(make: (output: BodyOutput) => BodyTransform): void {
    this.bodyChanges = true
    this.forwardLength = UNKNOWN_LENGTH
    if (!this.dry) (this.#body ??= new RequestBody(this)).add(make)
  }

  passBody(buffer: Buffer, start: number, end: number): void {
    this.bodyCopy?.add(buffer, start, end)
    if (this.forward === undefined) this.#held?.add(buffer, start, end)
    else this.forward.sendBody(buffer, start, end)
  }

  passEnd(trailers: string, bytes: number): void {
    if (this.forward === undefined) this.#wholeBody()
    else this.forward.endBody(trailers, bytes)
    this.bodyCopy?.send(trailers)
    this.bodyCopy = undefined
  }

  /** The rest of the body is not needed. */
  protected abortUpload(): void {
    this.#body?.abort()
  }
}

/** Takes a copy of the request's body. */
export interface RequestBodyCopy {
  add(buffer: Buffer, start: number, end: number): void
  send(trailers: string): void
  /** The body ends before it is complete. */
  drop(): void
}
