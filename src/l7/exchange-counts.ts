import type { ErrorCode } from '../core/errors.ts'
import type { Counter, Metrics } from '../core/metrics/metrics.ts'

export interface RouteCounts {
  readonly requests: Counter
  /** By the hundreds of the status, from 1xx. */
  readonly responses: readonly Counter[]
}

/** `route`: '' for what no route took. */
export function routeCounts(metrics: Metrics, listener: string, route: string): RouteCounts {
  const labels = { listener, route }
  return {
    requests: metrics.counter('lb_requests_total', labels),
    responses: ['1xx', '2xx', '3xx', '4xx', '5xx'].map((name) =>
      metrics.counter('lb_responses_total', { ...labels, class: name })
    )
  }
}

/** Counts what became of the exchanges of a listener, so that all responses are in the sum over its routes. */
export class ExchangeCounts {
  readonly #metrics: Metrics
  readonly #listener: string
  /** Of what no route took. */
  readonly unrouted: RouteCounts
  readonly #errors = new Map<ErrorCode, Counter>()

  constructor(metrics: Metrics, listener: string) {
    this.#metrics = metrics
    this.#listener = listener
    this.unrouted = routeCounts(metrics, listener, '')
    metrics.counter('lb_internal_errors_total', { listener })
  }

  /** A request that was answered before there was an exchange. */
  answered(code: ErrorCode, status: number): void {
    this.unrouted.requests.add()
    this.unrouted.responses[Math.floor(status / 100) - 1]?.add()
    this.error(code)
  }

  error(code: ErrorCode): void {
    let counter = this.#errors.get(code)
    if (counter === undefined) {
      // Codes are a fixed table, so this happens once per code and listener.
      counter = this.#metrics.counter('lb_errors_total', { listener: this.#listener, code })
      this.#errors.set(code, counter)
    }
    counter.add()
  }
}
