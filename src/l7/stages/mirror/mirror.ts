import { BackgroundRequest } from '../../forward/background-request.ts'
import type { Exchange } from '../../exchange/exchange.ts'
import type { Outgoing } from '../../forward/forward-owner.ts'
import { ReplayBuffer } from '../../forward/replay-buffer.ts'
import type { CompiledRoute, Target } from '../../compile/snapshot.ts'

/**
 * Sends a copy of a request to another pool and throws its answer away. A body is gathered as it passes, so that the copy
 * never sets the pace of the real one, and sent when it is whole; requests with more than the buffer holds, and those that
 * end early, are not copied.
 */
export function mirrorRequest(
  exchange: Exchange,
  mirror: NonNullable<CompiledRoute['mirror']>,
  outgoing: Outgoing
): void {
  if (outgoing.upgrade !== '') return
  if (mirror.share < 1 && exchange.context.random() >= mirror.share) return
  if (outgoing.framing === 0) BackgroundRequest.send(mirror.target, outgoing)
  else exchange.copy = new BodyCopy(mirror.target, outgoing)
}

/** A request that waits for the end of its body. */
export class BodyCopy {
  readonly #target: Target
  readonly #outgoing: Outgoing
  readonly #body = new ReplayBuffer()

  constructor(target: Target, outgoing: Outgoing) {
    this.#target = target
    this.#outgoing = outgoing
  }

  add(buffer: Buffer, start: number, end: number): void {
    this.#body.add(buffer, start, end)
  }

  send(trailers: string): void {
    if (!this.#body.whole) return
    BackgroundRequest.send(this.#target, this.#outgoing, undefined, { chunks: this.#body.chunks, trailers })
  }
}
