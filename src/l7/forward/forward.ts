import type { Backend } from '../../balancer/pool/backend.ts'
import type { Lease, Outcome } from '../../balancer/pool/lease.ts'
import type { Waiter } from '../../balancer/queue/waiter.ts'
import { guarded } from '../../core/containment.ts'
import type { ErrorCode } from '../../core/errors.ts'
import type { DialFailure } from '../../net/dial/dial-failure.ts'
import type { ByteStream } from '../../net/transport/byte-stream.ts'
import type { Response } from '../message/response.ts'
import { Attempts, ForwardTimes, statusOutcome } from './retry/attempts.ts'
import { isShort, nobody, type ForwardOwner, type Outgoing } from './forward-owner.ts'
import type { Target } from '../compile/l7-snapshot.ts'
import { grpcOutcome, trailingGrpcStatus } from './retry/grpc-outcome.ts'
import type { AtBackend } from './underway.ts'
import { waitForLease, type LeaseTaker } from './wait-for-lease.ts'
import { Upload } from './upload.ts'
import { failures, mayTryAfter, type UpstreamClient, type UpstreamFailure } from './upstream-client.ts'
import type { UpstreamStream } from './upstreams.ts'

/** Why an attempt failed. */
type Failed = readonly [code: ErrorCode, reason: string, backend: Backend | undefined]

/**
 * Takes one request to a backend: pick, connection, and another attempt where that is safe (RFC 9110 §9.2.2). Holds at
 * most one lease at a time, and gives each back once.
 */
export class Forward implements UpstreamClient, LeaseTaker, AtBackend {
  seat = -1
  #owner: ForwardOwner
  readonly #target: Target
  readonly #request: Outgoing
  #lease: Lease | undefined
  #waiter: Waiter | undefined
  #failure: Failed | undefined
  #stream: UpstreamStream | undefined
  readonly #attempts: Attempts
  readonly #http2: boolean
  /** Undefined for a request without a body. */
  readonly #upload: Upload | undefined
  /** The owner wants to hear no more. */
  #ended = false
  #responded = false
  #outcome: Outcome = 'ok'
  readonly times = new ForwardTimes()

  /** `atHand`: so much of the body is kept anyway, so it can be sent again. */
  constructor(owner: ForwardOwner, target: Target, request: Outgoing, atHand = 0) {
    this.#owner = owner
    this.#target = target
    this.#request = request
    this.#http2 = target.pool.pool.config.protocol !== 'http1'
    this.#attempts = new Attempts(target.retry, target.pool.budget, request, this.#http2, atHand)
    this.#upload = request.bodyLength === 0 ? undefined : new Upload(this.#attempts)
  }

  start(): void {
    this.#target.pool.budget.request()
    this.#attempt(undefined)
  }

  /** The client is gone: whatever is under way stops, and the backend is not blamed. */
  cancel(outcome: Outcome = 'cancelled'): void {
    this.#ended = true
    this.#upload?.drop()
    this.#waiter?.cancel()
    this.#waiter = undefined
    const stream = this.#stream
    this.#stream = undefined
    stream?.cancel()
    this.#release(outcome)
  }

  /** Something of this request threw: nothing is tried again, and no backend is blamed. */
  onInternalError(error: unknown): string | undefined {
    guarded(() => this.cancel())
    return this.#owner.onInternalError?.(error)
  }

  /** The answer that has begun is not wanted: short ones are read to their end, for the connection's sake. */
  discard(head: Response): void {
    if (this.#upload?.ended !== false && isShort(this.#request.method, head)) this.#owner = nobody
    else this.cancel()
  }

  // The request's body.

  sendBody(buffer: Buffer, start: number, end: number): void {
    if (this.#ended || this.#upload === undefined) return
    if (!this.#upload.receive(this.#openStream, buffer, start, end)) this.#owner.pauseBody()
  }

  /** `bytes`: length of the whole body as the owner counted it. */
  endBody(trailers: string, bytes: number): void {
    if (this.#ended || this.#upload === undefined) return
    const wrong = this.#upload.complete(trailers, bytes)
    if (wrong !== undefined) this.#fail('LB_INTERNAL', wrong)
    else if (this.#openStream !== undefined) this.#endUpload(this.#upload, this.#openStream)
  }

  get #openStream(): UpstreamStream | undefined {
    return this.#stream?.isOpen === true ? this.#stream : undefined
  }

  #endUpload(upload: Upload, stream: UpstreamStream): void {
    const missing = upload.end(stream)
    if (missing !== undefined) this.#fail('LB_INTERNAL', missing)
  }

  flush(): void {
    if (this.#stream?.flush() === false) this.#owner.pauseBody()
  }

  pause(): void {
    this.#stream?.pause()
  }

  resume(): void {
    this.#stream?.resume()
  }

  /** `failure`: why the last try failed; then a place in the queue is not waited for. */
  #attempt(failure: Failed | undefined): void {
    this.#failure = failure
    const { pool } = this.#target
    const context = this.#attempts.pickContext(pool.pool.name)
    const lease = pool.pool.acquire(context)
    if (lease !== undefined) return this.onLease(lease)
    this.#waiter = waitForLease(pool, context, failure === undefined, this)
    if (this.#waiter !== undefined) this.times.waits()
  }

  // LeaseTaker.

  onNoLease(code: ErrorCode, reason: string): void {
    this.#waiter = undefined
    this.#fail(...(this.#failure ?? [code, reason, undefined]))
  }

  onLease(lease: Lease): void {
    this.#waiter = undefined
    this.#lease = lease
    this.#outcome = 'ok'
    this.times.leased()
    if (this.#failure !== undefined) this.#target.pool.retries.add()
    const { pool } = this.#target
    pool.underway?.enter(this)
    const { needsNew } = this.#attempts
    const stream = pool.upstreams.open(lease.backend, this.#request, this.#target, this, needsNew)
    this.#stream = stream
    if (stream.isOpen) this.#begin(stream)
  }

  onOpen(): void {
    this.times.connected()
    this.#target.pool.connectSeconds.observe(this.times.connectMs / 1e3)
    this.#begin(this.#stream!)
  }

  onOpenFailure(failure: DialFailure, reason: string): void {
    this.#stream = undefined
    if (failure.again === true && this.#attempts.mayRepeatSession()) {
      this.#release('unused')
      this.times.unused()
      return this.#attempt(undefined)
    }
    const backend = this.#release(failure.outcome)
    const condition = failure.outcome === 'connect-timeout' ? 'timeout' : 'connect-failure'
    // Nothing was sent, so any method may be tried elsewhere.
    if (this.#attempts.mayTryOn(this.#target.pool.pool)) {
      return this.#retry(backend, failure.code, `${condition}: ${reason}`)
    }
    this.#fail(failure.code, reason, backend)
  }

  #begin(stream: UpstreamStream): void {
    const upload = this.#upload
    if (upload === undefined) return this.flush()
    const flowing = upload.begin(stream)
    if (upload.ended) this.#endUpload(upload, stream)
    else if (!upload.started) {
      upload.started = true
      this.#owner.startBody()
    } else if (flowing) {
      // Otherwise the client goes on when the stream has drained.
      this.#owner.resumeBody()
    }
    // A head goes out with what is at hand of its body.
    if (this.#stream === stream && !this.#owner.reading) this.flush()
  }

  // UpstreamClient.

  onInterim(head: Response): void {
    this.#owner.onInterim(head)
  }

  onResponse(head: Response): void {
    this.times.answered()
    const { pool } = this.#target
    this.#outcome = statusOutcome(head, pool.badStatuses)
    if (this.#http2) this.#outcome = grpcOutcome(head.headers.first('grpc-status'), this.#outcome)
    if (this.#attempts.mayRetryAnswer(head) && this.#attempts.elsewhere(pool.pool, this.#lease!.backend)) {
      this.#stream?.cancel()
      this.#stream = undefined
      const backend = this.#release(this.#outcome === 'ok' ? 'bad-status' : this.#outcome)
      return this.#retry(backend, 'LB_UPSTREAM_RESET', `status ${head.status}`)
    }
    this.#responded = true
    this.#attempts.answered()
    this.#owner.onResponse(head, this.#lease!.backend)
  }

  onBody(buffer: Buffer, start: number, end: number): void {
    if (this.#responded) this.#owner.onBody(buffer, start, end)
  }

  onResponseEnd(trailers: string): void {
    this.#ended = true
    this.#stream = undefined
    if (this.#http2) this.#outcome = grpcOutcome(trailingGrpcStatus(trailers), this.#outcome)
    this.#release(this.#outcome)
    this.#owner.onEnd(trailers)
  }

  onReadDone(): void {
    this.#owner.onReadDone()
  }

  onUpstreamDrain(): void {
    this.#owner.resumeBody()
  }

  onUpgrade(head: Response, transport: ByteStream, rest: Buffer): void {
    const lease = this.#lease!
    this.#ended = true
    this.#stream = undefined
    this.#lease = undefined
    this.#target.pool.underway?.leave(this)
    this.#owner.onUpgrade(head, transport, rest, lease)
  }

  onFailure(failure: UpstreamFailure, reason: string, clean: boolean): void {
    const { code, outcome } = failures[failure]
    this.#stream = undefined
    if (this.#responded) return this.#fail(code, reason, this.#release(outcome))
    // RFC 9112 §9.3.1: the backend closed a kept connection while our request was on its way. Not its failure.
    const again =
      failure === 'refused' ? this.#attempts.mayRepeatRefused() : clean && this.#attempts.mayRepeatStale()
    if (again) {
      this.#release('unused')
      this.times.unused()
      this.#holdBody()
      return this.#attempt(undefined)
    }
    const backend = this.#release(outcome)
    if (mayTryAfter(failure, this.#target.retry.on) && this.#attempts.mayRetry(false)) {
      return this.#retry(backend, code, reason)
    }
    this.#fail(code, reason, backend)
  }

  // AtBackend.

  get at(): Backend | undefined {
    return this.#lease?.backend
  }

  /** A connection that is still being made has its own deadline. */
  onBackendDown(): void {
    if (this.#openStream === undefined) return
    this.#stream?.cancel()
    this.onFailure('down', 'probes found the backend down', false)
  }

  #retry(backend: Backend | undefined, code: ErrorCode, reason: string): void {
    this.#attempts.failed(backend)
    this.#holdBody()
    this.#attempt([code, reason, backend])
  }

  /** Between two tries there is nobody to take the body. */
  #holdBody(): void {
    if (this.#upload?.ended === false) this.#owner.pauseBody()
  }

  #fail(code: ErrorCode, reason: string, backend = this.#lease?.backend): void {
    this.cancel()
    this.#owner.onFailed(code, reason, backend)
  }

  #release(outcome: Outcome): Backend | undefined {
    const lease = this.#lease
    const { latencyMs } = this.times
    lease?.release(outcome, latencyMs < 0 ? undefined : latencyMs)
    this.#lease = undefined
    this.#target.pool.underway?.leave(this)
    return lease?.backend
  }
}
