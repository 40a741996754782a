import type { Lease } from '../../balancer/pool/lease.ts'
import type { Deadlines, Waits } from '../../core/deadlines.ts'
import type { ErrorCode } from '../../core/errors.ts'
import type { ByteStream } from '../../net/transport/byte-stream.ts'
import { Forward } from './forward.ts'
import type { ForwardOwner, Outgoing } from './forward-owner.ts'
import type { Response } from '../message/response.ts'
import type { Target } from '../compile/l7-snapshot.ts'

/** What becomes of the answer to a request that no client waits for. */
export interface BackgroundSink {
  onResponse(head: Response): void
  onBody(buffer: Buffer, start: number, end: number): void
  onEnd(): void
  onFailed(code: ErrorCode): void
}

/** For a request that is given up when it has taken so long, whatever it waits for. */
export interface BackgroundLimit {
  readonly deadlines: Deadlines
  readonly timeoutMs: number
}

/** All of a request's body, in memory. */
export interface WholeBody {
  readonly chunks: readonly Buffer[]
  readonly trailers: string
}

/** A request that is sent for nobody: a mirror, or the refresh of something cached. Its body, if it has one, is whole. */
export class BackgroundRequest implements ForwardOwner, Waits {
  readonly reading = false
  readonly #sink: BackgroundSink | undefined
  readonly #body: WholeBody | undefined
  readonly #forward: Forward
  readonly #deadlines: Deadlines | undefined
  deadline = Infinity

  private constructor(
    target: Target,
    outgoing: Outgoing,
    sink: BackgroundSink | undefined,
    body: WholeBody | undefined,
    limit: BackgroundLimit | undefined
  ) {
    this.#deadlines = limit?.deadlines
    if (limit !== undefined) {
      limit.deadlines.add(this)
      this.deadline = limit.deadlines.now + limit.timeoutMs
    }
    this.#sink = sink
    this.#body = body
    this.#forward = new Forward(this, target, { ...outgoing, client: undefined })
  }

  static send(
    target: Target,
    outgoing: Outgoing,
    sink?: BackgroundSink,
    body?: WholeBody,
    limit?: BackgroundLimit
  ): void {
    new BackgroundRequest(target, outgoing, sink, body, limit).#forward.start()
  }

  /** All at once: it is in memory already, whether the backend takes it or not. */
  startBody(): void {
    const body = this.#body
    if (body === undefined) return
    let bytes = 0
    for (const chunk of body.chunks) {
      bytes += chunk.length
      this.#forward.sendBody(chunk, 0, chunk.length)
    }
    this.#forward.endBody(body.trailers, bytes)
    this.#forward.flush()
  }

  pauseBody(): void {}
  resumeBody(): void {}
  onInterim(): void {}
  onReadDone(): void {}

  onResponse(head: Response): void {
    this.#sink?.onResponse(head)
  }

  onBody(buffer: Buffer, start: number, end: number): void {
    this.#sink?.onBody(buffer, start, end)
  }

  onEnd(): void {
    this.#deadlines?.remove(this)
    this.#sink?.onEnd()
  }

  onUpgrade(_head: Response, transport: ByteStream, _rest: Buffer, lease: Lease): void {
    transport.destroy()
    lease.release('protocol-error')
    this.onFailed('LB_UPSTREAM_PROTOCOL')
  }

  onFailed(code: ErrorCode): void {
    this.#deadlines?.remove(this)
    this.#sink?.onFailed(code)
  }

  onDeadline(): void {
    this.#forward.cancel('timeout')
    this.onFailed('LB_RESPONSE_TIMEOUT')
  }

  onInternalError(): undefined {
    this.#forward.cancel()
    this.onFailed('LB_INTERNAL')
  }
}
