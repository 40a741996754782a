import { BackgroundRequest, type BackgroundSink, type WholeBody } from '../../forward/background-request.ts'
import type { Exchange } from '../../exchange/exchange.ts'
import type { RequestBodyCopy } from '../../exchange/request-side.ts'
import type { Outgoing } from '../../forward/forward-owner.ts'
import { ReplayBuffer } from '../../forward/retry/replay-buffer.ts'
import type { Target } from '../../compile/l7-snapshot.ts'
import type { Deadlines } from '../../../core/deadlines.ts'
import type { Explanation, Stage } from '../stage.ts'
import type { StageContext } from '../stage-context.ts'
import { GO_ON, type Verdict } from '../verdict.ts'
import { Places, type Place } from './places.ts'

/** The destination of copies, and how long one may take in all. */
interface Copies {
  readonly target: Target
  readonly deadlines: Deadlines
  readonly timeoutMs: number
}

/**
 * Sends a copy of a request to another pool and discards its answer. A body is gathered as it passes and the copy is
 * sent when it is complete, so the copy never slows down the real request. Requests whose body exceeds the buffer, or
 * which end early, are not copied; neither are those that come while the allowed number of copies is under way.
 * Requests answered from the cache are not mirrored either.
 */
class Mirror implements Stage {
  readonly name = 'mirror'
  readonly #copies: Copies
  readonly #share: number
  readonly #places: Places

  constructor(copies: Copies, share: number, places: Places) {
    this.#copies = copies
    this.#share = share
    this.#places = places
  }

  request(exchange: Exchange): Verdict {
    const { outgoing } = exchange
    if (outgoing.upgrade !== '') return GO_ON
    if (this.#share < 1 && exchange.context.random() >= this.#share) return GO_ON
    const place = this.#places.take()
    if (place === undefined) return GO_ON
    if (outgoing.bodyLength === 0) sendCopy(this.#copies, outgoing, place)
    else exchange.bodyCopy = new BodyCopy(this.#copies, outgoing, place)
    return GO_ON
  }

  explain(exchange: Exchange): Explanation {
    if (exchange.request.upgrade !== '') return { verdict: GO_ON }
    const share = this.#share < 1 ? ` (${this.#share * 100}% of requests)` : ''
    return { verdict: GO_ON, notes: [`a copy goes to pool ${this.#copies.target.pool.pool.name}${share}`] }
  }
}

export function compile(
  _keys: undefined,
  { listener, route, target, engine }: StageContext
): Stage | undefined {
  if (route?.mirror === undefined) return undefined
  const { pool, share, max, timeoutMs } = route.mirror
  const dropped = (reason: string) =>
    engine.metrics.counter('lb_mirror_dropped_total', { listener: listener.name, route: route.name, reason })
  const places = new Places(max, {
    full: dropped('full'),
    timeout: dropped('timeout'),
    'too-large': dropped('too-large')
  })
  return new Mirror({ target: target(pool), deadlines: engine.deadlines, timeoutMs }, share, places)
}

function sendCopy(copies: Copies, outgoing: Outgoing, place: Place, body?: WholeBody): void {
  const { deadlines, timeoutMs } = copies
  const sink: BackgroundSink = {
    onResponse() {},
    onBody() {},
    onEnd: () => place.give(),
    onFailed: (code) => place.give(code === 'LB_RESPONSE_TIMEOUT' ? 'timeout' : undefined)
  }
  BackgroundRequest.send(copies.target, outgoing, sink, body, { deadlines, timeoutMs })
}

/** The copy of a request, until the end of its body. */
class BodyCopy implements RequestBodyCopy {
  readonly #copies: Copies
  readonly #outgoing: Outgoing
  readonly #place: Place
  readonly #body = new ReplayBuffer()

  constructor(copies: Copies, outgoing: Outgoing, place: Place) {
    this.#copies = copies
    this.#outgoing = outgoing
    this.#place = place
  }

  add(buffer: Buffer, start: number, end: number): void {
    this.#body.add(buffer, start, end)
    if (!this.#body.whole) this.#place.give('too-large')
  }

  send(trailers: string): void {
    if (!this.#body.whole) return
    sendCopy(this.#copies, this.#outgoing, this.#place, { chunks: this.#body.chunks, trailers })
  }

  drop(): void {
    this.#place.give()
  }
}
