import type { ErrorCode } from '../core/errors.ts'
import type { Counter, Gauge, Metrics } from '../core/metrics/metrics.ts'
import type { SpliceReason } from './tcp/splice.ts'

/** Why a connection was closed before a byte was relayed. */
export type RefusedReason =
  'denied' | 'limit' | 'proxy-header' | 'tls' | 'no-sni' | 'no-backend' | 'shutdown' | 'internal'

/** How a connection ended; `refused` and `client-gone` before there was a splice. */
export type EndReason = SpliceReason | 'refused' | 'client-gone' | 'answered' | 'unreachable'

const refusedReasons: readonly RefusedReason[] = [
  'denied',
  'limit',
  'proxy-header',
  'tls',
  'no-sni',
  'no-backend',
  'shutdown',
  'internal'
]
const endReasons: readonly EndReason[] = [
  'client-closed',
  'upstream-closed',
  'client-reset',
  'upstream-reset',
  'idle',
  'half-close-timeout',
  'drained',
  'backend-down',
  'shutdown',
  'internal',
  'refused',
  'client-gone',
  'answered',
  'unreachable'
]

/** The series of one listener in one thread, registered when its engine is made: never for a connection. */
export class L4Metrics {
  readonly accepted: Counter
  readonly open: Gauge
  readonly bytes: { readonly in: Counter; readonly out: Counter; readonly listener: string }
  readonly #refused: Readonly<Record<RefusedReason, Counter>>
  readonly #ends: Readonly<Record<EndReason, Counter>>
  readonly #errors = new Map<ErrorCode, Counter>()
  readonly #metrics: Metrics
  readonly #listener: string

  constructor(metrics: Metrics, listener: string) {
    this.#metrics = metrics
    this.#listener = listener
    this.accepted = metrics.counter('lb_connections_total', { listener })
    this.open = metrics.gauge('lb_connections_open', { listener })
    metrics.counter('lb_internal_errors_total', { listener })
    this.bytes = {
      in: metrics.counter('lb_bytes_total', { listener, direction: 'in' }),
      out: metrics.counter('lb_bytes_total', { listener, direction: 'out' }),
      listener
    }
    this.#refused = byKey(refusedReasons, (reason) =>
      metrics.counter('lb_connections_refused_total', { listener, reason })
    )
    this.#ends = byKey(endReasons, (reason) => metrics.counter('lb_l4_ends_total', { listener, reason }))
  }

  refused(reason: RefusedReason): void {
    this.#refused[reason].add()
  }

  ended(reason: EndReason): void {
    this.#ends[reason].add()
  }

  /** Series of errors come with the first of each: there are as many as codes, and most never happen. */
  failed(code: ErrorCode): void {
    let counter = this.#errors.get(code)
    if (counter === undefined) {
      counter = this.#metrics.counter('lb_errors_total', { listener: this.#listener, code })
      this.#errors.set(code, counter)
    }
    counter.add()
  }
}

function byKey<K extends string>(keys: readonly K[], make: (key: K) => Counter): Record<K, Counter> {
  return Object.fromEntries(keys.map((key) => [key, make(key)])) as Record<K, Counter>
}
