import type { Backend } from '../../balancer/pool/backend.ts'
import type { Lease } from '../../balancer/pool/lease.ts'
import { guarded } from '../../core/containment.ts'
import { errorKind, errors, type ErrorCode } from '../../core/errors.ts'
import type { ByteStream } from '../../net/transport/byte-stream.ts'
import { Forward } from '../forward/forward.ts'
import type { ForwardOwner, Outgoing } from '../forward/forward-owner.ts'
import { acceptsWebSocket } from '../message/websocket-accept.ts'
import { passableTrailers } from '../headers/trailers.ts'
import type { L7Snapshot } from '../compile/l7-snapshot.ts'
import type { Request } from '../message/request.ts'
import type { Response } from '../message/response.ts'
import type { DownstreamStream } from './downstream-stream.ts'
import type { EngineContext } from './engine-context.ts'
import type { Refusal } from '../stages/refusal.ts'
import type { Verdict } from '../stages/verdict.ts'
import { DelayedResponse } from './response/delayed-response.ts'
import { answerError } from './response/local-answer.ts'
import { RequestSide } from './request-side.ts'
import type { ResponseTap } from './response/response-tap.ts'
import { upstreamResponse } from './response/response-head.ts'
import { settleSize } from './settle-size.ts'
import { Wait } from './wait.ts'

/** The size of exchanges has been decided, on this thread. */
let settled = false

/** An exchange by the snapshot that is in force now, and keeps it. */
export function beginExchange(
  request: Request,
  downstream: DownstreamStream,
  { snapshot, context }: { readonly snapshot: L7Snapshot; readonly context: EngineContext }
): Exchange {
  if (!settled) {
    settled = true
    settleSize(() => new Exchange(request, downstream, snapshot, context))
  }
  return new Exchange(request, downstream, snapshot, context)
}

/** Longer timers would be over at once. */
const MAX_WAIT_MS = 2 ** 31 - 1

/**
 * One HTTP request with its response, whatever version brought it. It ends exactly once: with the response sent, with
 * the client gone, or as a tunnel. Its stages are then told (`done`).
 */
export class Exchange extends RequestSide implements ForwardOwner {
  /** Sees the response on its way to the client. Written by the cache stage only. */
  tap: ResponseTap | undefined
  /** How long it has waited for Redis so far; `redis.timeout` bounds the sum. Written by the stages that wait. */
  sharedWaitMs = 0
  #wait: Wait | undefined
  #delayed: DelayedResponse | undefined

  /** Asks a backend; `outgoing` where it is another one than the exchange's own. */
  send(outgoing: Outgoing = this.altered): void {
    const { held } = this
    this.forward = new Forward(this, this.target!, outgoing, held?.whole === true ? held.bytes : 0)
    this.times = this.forward.times
    if (held !== undefined) {
      for (const chunk of held.take()) this.forward.sendBody(chunk, 0, chunk.length)
      if (held.whole) this.forward.endBody('', held.bytes)
    }
    this.forward.start()
  }

  // For stages.

  /**
   * Holds the exchange until `resume` of the wait is called, at most `timeoutMs`; then `onTimeout` says how it goes on.
   * The stage returns WAITS. The request's body is not read meanwhile.
   */
  wait(timeoutMs: number, onTimeout: () => Verdict): Wait {
    if (!(timeoutMs >= 0 && timeoutMs <= MAX_WAIT_MS))
      throw new RangeError(`${timeoutMs} is no time to wait for: milliseconds, at most ${MAX_WAIT_MS}`)
    if (typeof onTimeout !== 'function')
      throw new TypeError('a wait needs a function that decides when its time is over')
    this.downstream.pauseBody()
    this.#wait = new Wait(this, timeoutMs, onTimeout)
    return this.#wait
  }

  /** The wait of a stage that is going on, or the last one. */
  get lastWait(): Wait | undefined {
    return this.#wait
  }

  /** Keeps a backend's response from the client until `until` calls its argument, which has to happen. For the tap. */
  delay(head: Response, until: (go: () => void) => void): void {
    const delayed = (this.#delayed = new DelayedResponse(upstreamResponse(this.request, head)))
    until(() => {
      if (this.#delayed === delayed && !this.ended) this.guarded(() => this.#sendDelayed(delayed))
    })
  }

  #sendDelayed({ head, chunks, trailers }: DelayedResponse): void {
    this.#delayed = undefined
    if (!this.respond(head)) return
    for (const chunk of chunks) this.sendOwned(chunk)
    if (trailers !== undefined) this.#endOf(trailers)
    // The client has less to take than it may: the backend is resumed either way when it drains.
    else if (this.flush()) this.forward?.resume()
  }

  /** Refuses the request on behalf of a guard. */
  refuse(refusal: Refusal): void {
    this.#fail(refusal.code, refusal.reason, refusal)
  }

  /** Answers with an error of ours, or breaks the response off when its head has gone out. */
  fail(code: ErrorCode, reason: string): void {
    this.#fail(code, reason, undefined)
  }

  #fail(code: ErrorCode, reason: string, refusal: Refusal | undefined): void {
    if (this.ended) return
    if (!Object.hasOwn(errors, code)) throw new RangeError(`there is no code ${JSON.stringify(code)}`)
    this.#stop()
    if (this.headSent) {
      // A message that breaks off tells clients more than none, after which some ask again by themselves.
      this.beginBody()
      this.downstream.abort()
      this.#finish(code, reason)
      return
    }
    this.errorCode = code
    this.errorReason = reason
    // Another server might parse a refused message differently, so nothing behind it on the connection is read.
    // RFC 9110 §15.5.9: nor is a client waited for any longer that was too slow.
    const { status } = errorKind(code)
    if (status === 400 || status === 408) this.downstream.closeAfter()
    this.guarded(() => answerError(this, code, refusal))
  }

  /**
   * Something of it threw. Each part is ended by itself, since any of them may be what is broken: the client gets a 500 if
   * no head has gone out, and otherwise sees the response break off. The answer to a fault of a hook that edits
   * responses passes no hooks.
   */
  onInternalError(error: unknown): string {
    const { name } = this.snapshot.config
    if (this.ended) return name
    // What is told of the fault has the fields of any other answer (CORS, security headers), where it is not theirs.
    this.dropHooks(!this.editsFail)
    const { forward, tap, downstream } = this
    this.forward = this.tap = this.#delayed = undefined
    guarded(() => forward?.cancel())
    guarded(() => tap?.abort())
    guarded(() => this.#wait?.cancel())
    guarded(() => this.abortUpload())
    guarded(() => this.stopBody())
    this.errorCode = 'LB_INTERNAL'
    this.errorReason = String(error)
    guarded(() => {
      downstream.closeAfter()
      if (this.headSent) {
        this.beginBody()
        downstream.abort()
      } else answerError(this, 'LB_INTERNAL', undefined)
    })
    guarded(() => this.#finish('LB_INTERNAL', String(error)))
    return name
  }

  // From the client's side.

  onDownstreamDrain(): void {
    this.drainBody()
  }

  /** The client closed its connection, or broke its message. */
  onClientGone(code: ErrorCode, reason: string): void {
    if (this.ended) return
    // A cache fill that others wait for goes on without its client.
    if (this.tap?.wanted === true && this.headSent) {
      this.tap.orphan()
      this.stopBody()
      this.#finish(code, reason)
      return
    }
    this.#stop()
    this.#finish(code, reason)
  }

  // ForwardOwner.

  get reading(): boolean {
    return this.downstream.reading
  }

  onInterim(head: Response): void {
    if (!this.ended) this.downstream.sendInterim(head.status, head.reason, head.headers)
  }

  onResponse(head: Response, backend: Backend): void {
    if (this.ended) return
    this.backend = backend
    if (this.tap?.onResponse(head) === true) return
    this.respond(upstreamResponse(this.request, head))
  }

  onBody(buffer: Buffer, start: number, end: number): void {
    this.tap?.onBody(buffer, start, end)
    if (this.#delayed === undefined) this.sendBody(buffer, start, end)
    else this.#delayed.add(buffer, start, end)
  }

  onEnd(trailers: string): void {
    this.tap?.onEnd()
    this.forward = undefined
    if (this.#delayed === undefined) this.#endOf(trailers)
    else this.#delayed.trailers = trailers
  }

  #endOf(trailers: string): void {
    this.sendEnd(trailers === '' ? '' : passableTrailers(trailers, this.route?.responseEdits?.names))
  }

  onReadDone(): void {
    if (this.#delayed !== undefined) return this.forward?.pause()
    // Followers of a cache fetch do not wait for its client. The maximum object size bounds the bytes that are buffered.
    if (this.flush() || this.ended || this.tap?.wanted === true) return
    this.forward?.pause()
    this.tap?.onPaused()
  }

  onUpgrade(head: Response, transport: ByteStream, rest: Buffer, lease: Lease): void {
    this.backend = lease.backend
    this.forward = undefined
    if (this.request.version === '2.0' && !acceptsWebSocket(this.altered, head)) {
      lease.release('protocol-error')
      transport.destroy()
      this.fail('LB_UPSTREAM_PROTOCOL', 'the answer to Sec-WebSocket-Key is wrong')
      return
    }
    const response = upstreamResponse(this.request, head)
    if (!this.switchProtocols(response)) {
      lease.release('ok')
      transport.destroy()
      return
    }
    const underway = this.target?.pool.underway
    const tunnel = { seat: -1, at: lease.backend, onBackendDown: () => transport.reset() }
    underway?.enter(tunnel)
    this.downstream.tunnel(head, response.headers.text, transport, rest, (failed) => {
      underway?.leave(tunnel)
      lease.release(failed ? 'reset' : 'ok')
      this.#finish(undefined, '')
    })
  }

  onFailed(code: ErrorCode, reason: string, backend: Backend | undefined): void {
    this.backend = backend ?? this.backend
    this.forward = undefined
    // The client has left, but requests that follow its cache fetch must be told that the fetch ended.
    if (this.ended) return this.tap?.abort()
    if (this.tap !== undefined && !this.headSent && this.tap.onError()) return
    this.fail(code, reason)
  }

  // ResponseExit.

  protected override sourceReady(): void {
    this.forward?.resume()
  }

  protected override whole(): void {
    this.#finish(this.errorCode, this.errorReason)
  }

  /** Cancels what is still running for this exchange: the attempt at a backend, the cache's fetch, a stage's wait. */
  #stop(): void {
    this.#delayed = undefined
    this.forward?.cancel()
    this.forward = undefined
    this.tap?.abort()
    this.abortUpload()
    this.#wait?.cancel()
    this.stopBody()
  }

  #finish(code: ErrorCode | undefined, reason: string): void {
    if (this.ended) return
    this.bodyCopy?.drop()
    this.bodyCopy = undefined
    this.abortUpload()
    this.#wait?.cancel()
    this.errorCode = code
    this.errorReason = reason
    this.close()
  }
}
