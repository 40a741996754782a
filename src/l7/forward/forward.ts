import type { Backend } from '../../balancer/pool/backend.ts'
import type { Lease } from '../../balancer/pool/lease.ts'
import type { Outcome } from '../../balancer/pool/outcome.ts'
import type { PickContext } from '../../balancer/pool/pick-context.ts'
import type { Waiter } from '../../balancer/queue/wait-queue.ts'
import type { ErrorCode } from '../../core/errors.ts'
import type { DialFailure } from '../../net/dial/dial-failure.ts'
import type { Transport } from '../../net/transport/transport.ts'
import type { UpstreamHead } from '../http1/parse/response-parser.ts'
import { isIdempotent } from '../message/methods.ts'
import type { SendOptions } from '../http1/write/sent.ts'
import type { UpstreamConnection } from '../http1/client/upstream-connection.ts'
import type { ConnectAttempt, ConnectionWaiter, UpstreamPool } from '../http1/client/upstream-pool.ts'
import { Attempts } from './attempts.ts'
import { nobody, type ForwardOwner, type Outgoing } from './forward-owner.ts'
import type { Target } from '../compile/snapshot.ts'
import {
  failureCodes,
  type UpstreamClient,
  type UpstreamFailure,
  type UpstreamStream
} from './upstream-client.ts'

/** Reading up to this much of an answer that nobody wants costs less than another connection. */
const WORTH_READING = 16_384

/**
 * Takes one request to a backend: pick, connection, and another attempt where that is safe (RFC 9110 §9.2.2). Holds at
 * most one lease at a time, and gives each back once.
 */
export class Forward implements UpstreamClient, ConnectionWaiter {
  #owner: ForwardOwner
  readonly #target: Target
  readonly #request: Outgoing
  #lease: Lease | undefined
  #waiter: Waiter | undefined
  #dialling: ConnectAttempt | undefined
  #stream: UpstreamStream | undefined
  readonly #attempts: Attempts
  #bodyEnded: boolean
  #trailers = ''
  #responded = false
  #batched = false
  #outcome: Outcome = 'ok'
  #startedAt = 0
  #latencyMs = -1

  constructor(owner: ForwardOwner, target: Target, request: Outgoing) {
    this.#owner = owner
    this.#target = target
    this.#request = request
    this.#bodyEnded = request.framing === 0
    this.#attempts = new Attempts(target.retry, target.pool.budget, request)
  }

  /** Tries after the first. */
  get retries(): number {
    return this.#attempts.made
  }

  start(): void {
    this.#target.pool.budget.request()
    this.#attempt(undefined)
  }

  /** The client is gone: whatever is under way stops, and the backend is not blamed. */
  cancel(): void {
    this.#waiter?.cancel()
    this.#waiter = undefined
    this.#dialling?.cancel()
    this.#dialling = undefined
    const stream = this.#stream
    this.#stream = undefined
    stream?.cancel()
    this.#release('cancelled')
  }

  /** The answer that has begun is not wanted: short ones are read to their end, for the connection's sake. */
  discard(head: UpstreamHead): void {
    if (
      this.#bodyEnded &&
      (head.status === 304 || (head.bodyLength >= 0 && head.bodyLength <= WORTH_READING))
    ) {
      this.#owner = nobody
    } else {
      this.cancel()
    }
  }

  // The request's body.

  sendBody(buffer: Buffer, start: number, end: number): void {
    if (!this.#responded) this.#attempts.bodySent(buffer, start, end)
    if (this.#stream?.sendBody(buffer, start, end) === false) this.#owner.pauseBody()
  }

  endBody(trailers: string): void {
    this.#bodyEnded = true
    this.#trailers = trailers
    this.#stream?.endBody(trailers)
  }

  flush(): void {
    // Requests that share a connection go out together at the end of the turn.
    if (!this.#batched && this.#stream?.flush() === false) this.#owner.pauseBody()
  }

  // The response's pace.

  pause(): void {
    this.#stream?.pause()
  }

  resume(): void {
    this.#stream?.resume()
  }

  #attempt(failure: { code: ErrorCode; reason: string; backend: Backend | undefined } | undefined): void {
    const { pool } = this.#target.pool
    const context = this.#context()
    const lease = pool.acquire(context)
    if (lease !== undefined) return this.#use(lease)
    if (failure !== undefined) return this.#owner.onFailed(failure.code, failure.reason, failure.backend)
    if (!pool.saturated) return this.#owner.onFailed('LB_NO_BACKEND', 'no healthy backend', undefined)
    const since = performance.now()
    const waiter = pool.enqueue(context, (late) => {
      this.#waiter = undefined
      this.#target.pool.queueSeconds.observe((performance.now() - since) / 1e3)
      if (late !== undefined) this.#use(late)
      else this.#owner.onFailed('LB_QUEUE_TIMEOUT', 'queue.timeout passed', undefined)
    })
    this.#waiter = waiter
    if (waiter === undefined) this.#owner.onFailed('LB_QUEUE_FULL', 'queue.max reached', undefined)
  }

  #context(): PickContext {
    const { context } = this.#request
    const { tried } = this.#attempts
    return tried === undefined ? context : { ...context, tried }
  }

  #use(lease: Lease): void {
    this.#lease = lease
    this.#startedAt = performance.now()
    const upstreams = this.#target.pool.upstreams.to(lease.backend)
    const connection = this.#kept(upstreams)
    if (connection !== undefined) return this.#send(connection)
    this.#dialling = upstreams.connect(lease.backend, this.#target.connectMs, this, this.#request.preface)
  }

  #kept(upstreams: UpstreamPool): UpstreamConnection | undefined {
    this.#batched = this.#target.pool.pool.config.connections.pipelining > 1 && this.#mayPipeline()
    return this.#batched ? upstreams.takePipelined() : upstreams.take()
  }

  #mayPipeline(): boolean {
    const { method, framing, upgrade } = this.#request
    return framing === 0 && upgrade === '' && isIdempotent(method)
  }

  onConnection(connection: UpstreamConnection): void {
    this.#dialling = undefined
    this.#target.pool.connectSeconds.observe((performance.now() - this.#startedAt) / 1e3)
    this.#batched = false
    this.#send(connection)
  }

  onConnectFailure(failure: DialFailure, reason: string): void {
    this.#dialling = undefined
    const backend = this.#release(failure.outcome)
    const condition = failure.outcome === 'connect-timeout' ? 'timeout' : 'connect-failure'
    // Nothing was sent, so any method may be tried elsewhere.
    if (this.#target.retry.on.includes('connect-failure') && this.#attempts.mayRetry(true)) {
      return this.#retry(backend, failure.code, `${condition}: ${reason}`)
    }
    this.#owner.onFailed(failure.code, reason, backend)
  }

  #send(connection: UpstreamConnection): void {
    const { method, head, framing, upgrade } = this.#request
    const target = this.#target
    const options: SendOptions = {
      framing,
      complete: framing === 0,
      toHead: method === 'HEAD',
      upgrade,
      responseMs: target.responseMs,
      idleMs: target.idleMs
    }
    const stream = (this.#stream = connection.send(this, head, options))
    if (framing !== 0) this.#sendHeld(stream)
    // A head goes out with what is at hand of its body.
    if (framing === 0 || !this.#owner.reading) this.flush()
  }

  #sendHeld(stream: UpstreamStream): void {
    for (const chunk of this.#attempts.sent) stream.sendBody(chunk, 0, chunk.length)
    if (this.#bodyEnded) stream.endBody(this.#trailers)
    else if (this.#attempts.bodyBegun) this.#owner.resumeBody()
    else this.#owner.startBody()
  }

  // UpstreamClient.

  onInterim(head: UpstreamHead): void {
    this.#owner.onInterim(head)
  }

  onResponse(head: UpstreamHead): void {
    this.#latencyMs = performance.now() - this.#startedAt
    const { retry, pool } = this.#target
    if (pool.badStatuses.has(head.status)) this.#outcome = 'bad-status'
    if (retry.on.includes(head.status) && this.#attempts.mayRetry(false) && this.#elsewhere()) {
      this.#stream?.cancel()
      this.#stream = undefined
      const backend = this.#release('bad-status')
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
    this.#stream = undefined
    this.#release(this.#outcome)
    this.#owner.onEnd(trailers)
  }

  onReadDone(): void {
    this.#owner.onReadDone()
  }

  onUpstreamDrain(): void {
    this.#owner.resumeBody()
  }

  onUpgrade(head: UpstreamHead, transport: Transport, rest: Buffer): void {
    const lease = this.#lease!
    this.#stream = undefined
    this.#lease = undefined
    this.#owner.onUpgrade(head, transport, rest, lease)
  }

  onFailure(failure: UpstreamFailure, reason: string, clean: boolean): void {
    this.#stream = undefined
    if (this.#responded) {
      const backend = this.#release(failure === 'idle' ? 'timeout' : failure)
      return this.#owner.onFailed(failureCodes[failure], reason, backend)
    }
    // RFC 9112 §9.3.1: the backend closed a kept connection while our request was on its way. Not its failure.
    if (clean && this.#attempts.mayRepeatStale()) {
      this.#release('unused')
      return this.#attempt(undefined)
    }
    const backend = this.#release(failure === 'idle' ? 'timeout' : failure)
    const condition = failure === 'reset' ? 'reset' : 'timeout'
    if (
      failure !== 'protocol-error' &&
      this.#target.retry.on.includes(condition) &&
      this.#attempts.mayRetry(false)
    ) {
      return this.#retry(backend, failureCodes[failure], reason)
    }
    this.#owner.onFailed(failureCodes[failure], reason, backend)
  }

  #retry(backend: Backend | undefined, code: ErrorCode, reason: string): void {
    this.#target.pool.retries.add()
    this.#attempts.failed(backend)
    if (!this.#bodyEnded) this.#owner.pauseBody()
    this.#attempt({ code, reason, backend })
  }

  /** A backend that has not been tried is there. */
  #elsewhere(): boolean {
    const current = this.#lease!.backend
    const { backends } = this.#target.pool.pool
    return backends.some(
      (one) => one !== current && one.available && this.#attempts.tried?.includes(one) !== true
    )
  }

  #release(outcome: Outcome): Backend | undefined {
    const lease = this.#lease
    this.#lease = undefined
    lease?.release(outcome, this.#latencyMs < 0 ? undefined : this.#latencyMs)
    return lease?.backend
  }
}
