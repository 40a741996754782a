import type { Backend } from '../../../balancer/pool/backend.ts'
import type { ChangeEvent } from '../../../balancer/pool/states.ts'
import type { Logger } from '../../../core/log/log.ts'
import type { Metrics } from '../../../core/metrics/metrics.ts'
import { logChange } from '../../../health/log-change.ts'

/** Every change of a backend's state, from any thread, passes here once: log line, metric, and reason. */
export class ChangeJournal {
  readonly #log: Logger
  readonly #metrics: Metrics
  /** By `pool/backend`; bounded by the configuration. */
  readonly #reasons = new Map<string, string>()

  constructor(log: Logger, metrics: Metrics) {
    this.#log = log
    this.#metrics = metrics
  }

  record(event: ChangeEvent): void {
    const { pool, backend, axis, to, reason } = event
    logChange(this.#log, event)
    if (axis !== 'weight') this.#reasons.set(`${pool}/${backend}`, reason)
    if (axis === 'breaker' && to === 'open') {
      this.#metrics.counter('lb_breaker_opens_total', { pool, backend }).add()
    }
  }

  reasonOf(backend: Backend): string | undefined {
    return this.#reasons.get(backend.key)
  }

  /** Forgets backends that are no longer configured. */
  retain(keys: ReadonlySet<string>): void {
    for (const key of this.#reasons.keys()) if (!keys.has(key)) this.#reasons.delete(key)
  }
}
