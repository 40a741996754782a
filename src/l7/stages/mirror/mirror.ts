import { BackgroundRequest } from '../../forward/background-request.ts'
import type { Exchange, RequestBodyCopy } from '../../exchange/exchange.ts'
import type { Outgoing } from '../../forward/forward-owner.ts'
import { ReplayBuffer } from '../../forward/replay-buffer.ts'
import type { Target } from '../../compile/snapshot.ts'
import type { Explanation, Stage } from '../stage.ts'
import type { StageContext } from '../stage-context.ts'
import { GO_ON, type Verdict } from '../verdict.ts'

/**
 * Sends a copy of a request to another pool and throws its answer away. A body is gathered as it passes, so that the copy
 * never sets the pace of the real one, and sent when it is whole; requests with more than the buffer holds, and those that
 * end early, are not copied. What the cache answers is not mirrored: the other pool sees what this one sees.
 */
class Mirror implements Stage {
  readonly name = 'mirror'
  readonly #target: Target
  readonly #share: number

  constructor(target: Target, share: number) {
    this.#target = target
    this.#share = share
  }

  request(exchange: Exchange): Verdict {
    const { outgoing } = exchange
    if (outgoing.upgrade !== '') return GO_ON
    if (this.#share < 1 && exchange.context.random() >= this.#share) return GO_ON
    if (outgoing.bodyLength === 0) BackgroundRequest.send(this.#target, outgoing)
    else exchange.bodyCopy = new BodyCopy(this.#target, outgoing)
    return GO_ON
  }

  explain(exchange: Exchange): Explanation {
    if (exchange.request.upgrade !== '') return { verdict: GO_ON }
    const share = this.#share < 1 ? ` (${this.#share * 100}% of requests)` : ''
    return { verdict: GO_ON, notes: [`a copy goes to pool ${this.#target.pool.pool.name}${share}`] }
  }
}

export function compile(_keys: undefined, { route, target }: StageContext): Stage | undefined {
  if (route?.mirror === undefined) return undefined
  return new Mirror(target(route.mirror.pool), route.mirror.share)
}

/** A request that waits for the end of its body. */
class BodyCopy implements RequestBodyCopy {
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
