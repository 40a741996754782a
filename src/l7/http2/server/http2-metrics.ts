import type { Counter, Gauge, Metrics } from '../../../core/metrics/metrics.ts'
import { errorName } from '../frames/codes.ts'
import type { ClosedBy } from '../session/stream/stream.ts'

/** The HTTP/2 metrics of a listener. */
export class Http2Metrics {
  readonly streams: Gauge
  /** Odd but legal behaviour; counted when a connection ends. */
  readonly glitches: Counter
  readonly #metrics: Metrics
  readonly #listener: string
  /** Codes and sides are fixed sets, so there are few. */
  readonly #resets = new Map<string, Counter>()

  constructor(metrics: Metrics, listener: string) {
    this.#metrics = metrics
    this.#listener = listener
    this.streams = metrics.gauge('lb_http2_streams_open', { listener })
    this.glitches = metrics.counter('lb_http2_glitches_total', { listener })
  }

  /** A stream was ended by RST_STREAM; `by`: who caused it. */
  reset(code: number, by: ClosedBy | 'us'): void {
    const key = `${by} ${errorName(code)}`
    let counter = this.#resets.get(key)
    if (counter === undefined) {
      const labels = { listener: this.#listener, by: by === 'us' ? 'lb' : by, code: errorName(code) }
      counter = this.#metrics.counter('lb_http2_resets_total', labels)
      this.#resets.set(key, counter)
    }
    counter.add()
  }

  /** A connection of a client that is held back. */
  heldBack(how: 'delayed' | 'refused'): void {
    this.#metrics.counter('lb_http2_connections_held_back_total', { listener: this.#listener, how }).add()
  }

  /** A connection was ended by GOAWAY with this code. */
  connectionError(code: number): void {
    const labels = { listener: this.#listener, code: errorName(code) }
    this.#metrics.counter('lb_http2_connection_errors_total', labels).add()
  }
}
