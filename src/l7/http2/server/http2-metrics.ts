import type { Counter, Gauge, Metrics } from '../../../core/metrics/metrics.ts'
import { errorName } from '../frames/codes.ts'
import type { ClosedBy } from '../session/stream/stream.ts'

/** What a listener counts of its HTTP/2 connections. */
export class Http2Metrics {
  readonly streams: Gauge
  /** Odd but legal behaviour; told once a connection has ended. */
  readonly glitches: Counter
  readonly #metrics: Metrics
  readonly #listener: string
  /** Codes and sides are fixed sets, so these stay few. */
  readonly #resets = new Map<string, Counter>()

  constructor(metrics: Metrics, listener: string) {
    this.#metrics = metrics
    this.#listener = listener
    this.streams = metrics.gauge('lb_http2_streams_open', { listener })
    this.glitches = metrics.counter('lb_http2_glitches_total', { listener })
  }

  /** A stream ended by RST_STREAM; `by`: whose doing it was. */
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

  /** A connection ended by GOAWAY with this code. */
  connectionError(code: number): void {
    const labels = { listener: this.#listener, code: errorName(code) }
    this.#metrics.counter('lb_http2_connection_errors_total', labels).add()
  }
}
