import type { Backend } from '../../balancer/pool/backend.ts'
import type { Lease } from '../../balancer/pool/lease.ts'
import { contain, guarded } from '../../core/containment.ts'
import { errorKind, type ErrorCode } from '../../core/errors.ts'
import type { Transport } from '../../net/transport/transport.ts'
import { NO_BODY, type DownstreamStream } from './downstream-stream.ts'
import type { EngineContext } from './engine-context.ts'
import { Forward } from '../forward/forward.ts'
import type { ForwardOwner, Outgoing } from '../forward/forward-owner.ts'
import type { BodyCopy } from '../stages/mirror/mirror.ts'
import { SEEN_TRAILER } from '../http1/parse/field-scanner.ts'
import { passableTrailers } from '../headers/trailers.ts'
import type { UpstreamHead } from '../http1/parse/response-parser.ts'
import { answerError } from './local-answer.ts'
import type { Request } from '../message/request.ts'
import { responseFields } from './response-fields.ts'
import type { CompiledRoute, Snapshot, Target } from '../compile/snapshot.ts'
import type { ResponseTap } from './response-tap.ts'

/**
 * One HTTP request with its response, whatever version brought it. It ends exactly once: with the response sent, with
 * the client gone, or as a tunnel. `finished` then tells log and metrics.
 */
export class Exchange implements ForwardOwner {
  readonly request: Request
  readonly downstream: DownstreamStream
  readonly snapshot: Snapshot
  readonly context: EngineContext
  /** performance.now() when the head was read. */
  readonly startedAt: number
  route: CompiledRoute | undefined
  target: Target | undefined
  clientIp = ''
  requestId = ''
  /** Lower case, without port. */
  host = ''
  /** What goes upstream as Host, where the field that was received does not. */
  authority: string | undefined
  /** Normalised, and the raw query. */
  path = ''
  query: string | undefined
  status = 0
  /** Tries after the first. */
  retries = 0
  /** Bytes of body. */
  bytesIn = 0
  bytesOut = 0
  backend: Backend | undefined
  errorCode: ErrorCode | undefined
  errorReason = ''
  cacheStatus = ''
  /** Line of the sticky cookie to be set. */
  setCookie = ''
  forward: Forward | undefined
  /** Sees the response on its way to the client: the cache. */
  tap: ResponseTap | undefined
  /** For the route's mirror. */
  copy: BodyCopy | undefined
  /** Stops a response that is not a backend's: a cached body that is streamed. */
  onGone: (() => void) | undefined
  /** Tells who streams a cached body that the client takes more. */
  onDrained: (() => void) | undefined
  #headSent = false
  #ended = false

  constructor(request: Request, downstream: DownstreamStream, snapshot: Snapshot, context: EngineContext) {
    this.request = request
    this.downstream = downstream
    this.snapshot = snapshot
    this.context = context
    this.startedAt = performance.now()
  }

  get ended(): boolean {
    return this.#ended
  }

  get headSent(): boolean {
    return this.#headSent
  }

  send(target: Target, outgoing: Outgoing): void {
    this.target = target
    this.forward = new Forward(this, target, outgoing)
    this.forward.start()
  }

  // From the downstream connection.

  onRequestBody(buffer: Buffer, start: number, end: number): void {
    this.bytesIn += end - start
    const limit = this.route?.limits.bodyBytes
    if (limit !== undefined && this.bytesIn > limit) {
      this.fail('LB_BODY_TOO_LARGE', 'more than limits.bodyBytes')
      return
    }
    this.copy?.add(buffer, start, end)
    this.forward?.sendBody(buffer, start, end)
  }

  onRequestEnd(trailers: string): void {
    // Unannounced ones take some servers by surprise (RFC 9110 §6.6.2).
    const announced = (this.request.seen & SEEN_TRAILER) !== 0 && trailers !== ''
    const edited = this.route?.requestEdits?.names
    const passed = announced
      ? passableTrailers(trailers, edited, this.request.headers.get('trailer') ?? '')
      : ''
    this.forward?.endBody(passed, this.bytesIn)
    this.copy?.send(passed)
    this.copy = undefined
  }

  /** All that one read brought has been told. */
  onRequestReadDone(): void {
    this.forward?.flush()
  }

  onDownstreamDrain(): void {
    this.forward?.resume()
    this.onDrained?.()
  }

  /** The client closed its connection, or broke its message. */
  onClientGone(code: ErrorCode, reason: string): void {
    if (this.#ended) return
    // A cache fill that others wait for goes on without its client.
    if (this.tap?.wanted === true && this.#headSent) {
      this.tap.orphan()
      this.#finish(code, reason)
      return
    }
    this.forward?.cancel()
    this.tap?.abort()
    this.onGone?.()
    this.#finish(code, reason)
  }

  /** Answers with an error of ours, or breaks the response off when its head has gone out. */
  fail(code: ErrorCode, reason: string): void {
    if (this.#ended) return
    this.forward?.cancel()
    this.tap?.abort()
    this.onGone?.()
    if (this.#headSent) {
      this.downstream.abort()
      this.#finish(code, reason)
      return
    }
    // What one server refuses another might read otherwise: nothing that follows is read after it.
    if (errorKind(code).status === 400) this.downstream.closeAfter()
    answerError(this, code)
    this.#finish(code, reason)
  }

  /**
   * Something of it threw. Each part is ended by itself, since any of them may be what is broken: the client gets a 500 if
   * no head has gone out, and otherwise sees the response break off.
   */
  onInternalError(error: unknown): string {
    const { name } = this.snapshot.config
    if (this.#ended) return name
    const { forward, tap, onGone, downstream } = this
    this.forward = this.tap = this.onGone = this.onDrained = undefined
    guarded(() => forward?.cancel())
    guarded(() => tap?.abort())
    guarded(() => onGone?.())
    guarded(() => {
      downstream.closeAfter()
      if (this.#headSent) downstream.abort()
      else answerError(this, 'LB_INTERNAL')
    })
    guarded(() => this.#finish('LB_INTERNAL', String(error)))
    return name
  }

  // Sending a response.

  sendHead(status: number, reason: string, fields: string, length: number): void {
    this.#headSent = true
    this.status = status
    this.downstream.sendHead(status, reason, fields, length, this.request.acceptsTrailers)
  }

  sendEnd(trailers: string): void {
    if (this.#ended) return
    // It may read on, to the next request, which is no matter of this one.
    try {
      this.downstream.sendEnd(trailers)
    } catch (error) {
      contain(error, this.downstream)
    }
    this.#finish(undefined, '')
  }

  // ForwardOwner.

  get reading(): boolean {
    return this.downstream.reading
  }

  startBody(): void {
    this.downstream.startBody()
  }

  pauseBody(): void {
    this.downstream.pauseBody()
  }

  resumeBody(): void {
    this.downstream.resumeBody()
  }

  onInterim(head: UpstreamHead): void {
    if (!this.#ended) this.downstream.sendInterim(head.status, head.reason, head.headers)
  }

  onResponse(head: UpstreamHead, backend: Backend): void {
    if (this.#ended) return
    this.backend = backend
    this.setCookie = this.target?.pool.sticky?.cookieFor(this, backend) ?? ''
    if (this.tap !== undefined && this.tap.onResponse(head)) return
    this.passHead(head)
  }

  /** Sends the backend's head on. */
  passHead(head: UpstreamHead): void {
    const { status } = head
    const bodiless = this.request.method === 'HEAD' || status === 304
    const length = status === 204 || (bodiless && head.bodyLength < 0) ? NO_BODY : head.bodyLength
    this.sendHead(status, head.reason, responseFields(this, head), length)
  }

  onBody(buffer: Buffer, start: number, end: number): void {
    this.tap?.onBody(buffer, start, end)
    if (this.#ended) return
    this.bytesOut += end - start
    this.downstream.sendBody(buffer, start, end)
  }

  onEnd(trailers: string): void {
    this.tap?.onEnd()
    this.sendEnd(passableTrailers(trailers, this.route?.responseEdits?.names))
    this.forward = undefined
  }

  onReadDone(): void {
    // Those who follow a fetch for the cache do not wait for its client; the size of the object bounds what gathers.
    if (this.downstream.flush() || this.#ended || this.tap?.wanted === true) return
    this.forward?.pause()
    this.tap?.onPaused()
  }

  onUpgrade(head: UpstreamHead, transport: Transport, rest: Buffer, lease: Lease): void {
    this.backend = lease.backend
    this.forward = undefined
    this.#headSent = true
    this.status = 101
    this.downstream.tunnel(head, responseFields(this, head), transport, rest, (failed) => {
      lease.release(failed ? 'reset' : 'ok')
      this.#finish(undefined, '')
    })
  }

  onFailed(code: ErrorCode, reason: string, backend: Backend | undefined): void {
    this.backend = backend ?? this.backend
    this.forward = undefined
    // The client had left; those who follow the fetch it began must hear of its end.
    if (this.#ended) return this.tap?.abort()
    if (this.tap !== undefined && !this.#headSent && this.tap.onError()) return
    this.fail(code, reason)
  }

  #finish(code: ErrorCode | undefined, reason: string): void {
    if (this.#ended) return
    this.#ended = true
    this.copy = undefined
    if (this.forward !== undefined) this.retries = this.forward.retries
    this.errorCode = code
    this.errorReason = reason
    this.context.finished(this)
  }
}
