import type { ErrorCode } from '../../core/errors.ts'
import type { Forward } from '../forward/forward.ts'
import type { Outgoing } from '../forward/forward-owner.ts'
import { hashString } from '../../core/hash-string.ts'
import type { PickContext } from '../../balancer/pool/pick-context.ts'
import { proxyProtocolHeader } from '../../net/proxy-protocol/write.ts'
import type { Target } from '../compile/l7-snapshot.ts'
import { authenticatesConnection } from '../forward/client-ties.ts'
import { hashKeyOf } from '../forward/hash-key.ts'
import { dropConnectionNamed } from '../headers/hop-by-hop.ts'
import { dropOwned } from '../headers/owned-fields.ts'
import { HeaderBlock } from '../message/header-block.ts'
import { passableNames, passableTrailers } from '../headers/trailers.ts'
import { type BodyLength, UNKNOWN_LENGTH } from '../message/body-length.ts'
import { SEEN_AUTHORIZATION, SEEN_TRAILER } from '../message/seen.ts'
import type { BodyOutput, BodyTransform } from './body-chain.ts'
import type { HeldBody } from './held-body.ts'
import { RequestBody } from './request-body.ts'
import { ResponseExit } from './response/response-exit.ts'

const NO_CONTEXT: PickContext = {}

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

  /** As `authority`. An HTTP/1.0 client may leave the host out; a backend of HTTP/1.1 must get one. */
  get forwardAuthority(): string | undefined {
    return this.authority === '' ? this.target!.pool.pool.name : this.authority
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
    // Its transforms have been held since they put out more than a buffer takes. Those that are full say when they take more.
    if (this.#body?.release() !== false) this.downstream.startBody()
  }

  pauseBody(): void {
    this.#body?.hold()
    this.downstream.pauseBody()
  }

  resumeBody(): void {
    if (this.#body?.release() !== false) this.downstream.resumeBody()
  }

  /**
   * The request's body goes on as what `make` makes of it, in `length` bytes; for stages, before a backend is asked and
   * before the body is held or copied.
   */
  changeRequestBody(make: (output: BodyOutput) => BodyTransform, length: BodyLength = UNKNOWN_LENGTH): void {
    this.bodyChanges = true
    // With 0 nobody would read it, and the transform would never be called.
    this.forwardLength = length === 0 ? UNKNOWN_LENGTH : length
    this.#outgoing = undefined
    if (!this.dry) (this.#body ??= new RequestBody(this)).add(make, length)
  }

  /** Whoever has asked for the request before, asks again. */
  override setRequestField(name: string, value: string | undefined): void {
    super.setRequestField(name, value)
    this.#outgoing = undefined
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

/** The request of an exchange as it goes to a backend. */
function makeOutgoing(exchange: RequestSide, target: Target): Outgoing {
  const { request, forwardPath, query } = exchange
  const path = query === undefined ? forwardPath : `${forwardPath}?${query}`
  const headers = requestFields(exchange, path)
  const edited = exchange.route?.requestEdits?.setsHost === true ? headers.take('host') : undefined
  return {
    method: request.method,
    scheme: exchange.client.scheme,
    authority: edited ?? exchange.forwardAuthority ?? request.host,
    path,
    headers,
    bodyLength: exchange.forwardLength ?? request.bodyLength,
    upgrade: request.upgrade,
    acceptsTrailers: request.acceptsTrailers,
    context: pickContext(exchange, target),
    preface: preface(exchange, target),
    client: exchange.client,
    authenticates:
      (request.seen & SEEN_AUTHORIZATION) !== 0 &&
      authenticatesConnection(request.headers.get('authorization'))
  }
}

function pickContext(exchange: RequestSide, target: Target): PickContext {
  const { hashKey, sticky } = target.pool
  if (hashKey === undefined && sticky === undefined) return NO_CONTEXT
  const context: PickContext = {}
  if (exchange.hashKey !== undefined) context.hash = hashString(exchange.hashKey)
  else if (hashKey !== undefined) context.hash = hashKeyOf(exchange, hashKey)
  const name = sticky?.read(exchange)
  if (name !== undefined) context.sticky = name
  return context
}

/** The PROXY header that begins a connection made for this exchange alone. */
function preface(exchange: RequestSide, target: Target): Buffer | undefined {
  const version = target.pool.pool.config.proxyProtocol
  if (version === undefined) return undefined
  const { source, destination } = exchange.client.ends
  const { tls } = exchange
  const tlvs = tls === undefined ? {} : { authority: tls.serverName, alpn: tls.alpn, ssl: tls }
  return proxyProtocolHeader(version, source, destination, tlvs)
}

/** The fields of an exchange's request as they go to a backend; Host only where the route's edits write one. */
function requestFields(exchange: RequestSide, path: string): HeaderBlock {
  const { request, forwardAuthority: authority } = exchange
  const headers = new HeaderBlock(ownFields(exchange))
  const owned = exchange.route?.owned
  if (owned !== undefined) dropOwned(headers, owned)
  const changes = exchange.requestFields
  if (changes !== undefined) {
    for (const [name, value] of changes) {
      if (value === undefined) headers.remove(name.toLowerCase())
      else headers.set(name, value)
    }
  }
  const { forward } = exchange.stages
  if (forward.length > 0) {
    const host = authority ?? request.host
    const head = { method: request.method, target: path, host, headers }
    for (let i = 0; i < forward.length; i++) forward[i]!.forward(exchange as never, head as never)
  }
  return headers
}

/** What the client sent, without what concerned its connection only. */
function ownFields(exchange: RequestSide): string {
  const { request } = exchange
  const { headers } = request
  if (request.connectionNames !== '') dropConnectionNamed(headers, request.connectionNames)
  // While this is one string as read: later it would have to be joined first, which costs more than the rest.
  headers.take('host')
  if ((request.seen & SEEN_TRAILER) !== 0) announceTrailers(exchange)
  const fields = headers.text
  // The parser took Expect out. Without a body there is nothing to wait for (RFC 9110 §10.1.1), and httpd closes then.
  return request.expectContinue && request.bodyLength !== 0 ? `${fields}Expect: 100-continue\r\n` : fields
}

/** What may not come is not announced, and without chunks nothing can come. */
function announceTrailers({ request, route, forwardLength }: RequestSide): void {
  const { headers, bodyLength } = request
  const names = passableNames(headers.get('trailer') ?? '', route?.decided)
  if (names === '' || (forwardLength ?? bodyLength) !== UNKNOWN_LENGTH) headers.remove('trailer')
  else if (names !== headers.get('trailer')) headers.set('Trailer', names)
}
