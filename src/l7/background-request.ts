import type { Lease } from '../balancer/lease.ts'
import type { Transport } from '../net/transport.ts'
import { Forward } from './forward.ts'
import type { ForwardOwner, Outgoing } from './forward-owner.ts'
import type { UpstreamHead } from './http1/response-parser.ts'
import type { Target } from './snapshot.ts'

/** What becomes of the answer to a request that no client waits for. */
export interface BackgroundSink {
  onResponse(head: UpstreamHead): void
  onBody(buffer: Buffer, start: number, end: number): void
  onEnd(): void
  onFailed(): void
}

/** A request without a body that is sent for nobody: a mirror, or the refresh of something cached. */
export class BackgroundRequest implements ForwardOwner {
  readonly reading = false
  readonly #sink: BackgroundSink | undefined

  private constructor(sink: BackgroundSink | undefined) {
    this.#sink = sink
  }

  static send(target: Target, outgoing: Outgoing, sink?: BackgroundSink): void {
    new Forward(new BackgroundRequest(sink), target, outgoing).start()
  }

  startBody(): void {}
  pauseBody(): void {}
  resumeBody(): void {}
  onInterim(): void {}
  onReadDone(): void {}

  onResponse(head: UpstreamHead): void {
    this.#sink?.onResponse(head)
  }

  onBody(buffer: Buffer, start: number, end: number): void {
    this.#sink?.onBody(buffer, start, end)
  }

  onEnd(): void {
    this.#sink?.onEnd()
  }

  onUpgrade(_head: UpstreamHead, transport: Transport, _rest: Buffer, lease: Lease): void {
    transport.destroy()
    lease.release('protocol-error')
    this.#sink?.onFailed()
  }

  onFailed(): void {
    this.#sink?.onFailed()
  }
}
