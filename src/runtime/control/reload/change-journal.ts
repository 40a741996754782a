import type { Backend } from '../../../balancer/pool/backend.ts'
import type { ChangeEvent } from '../../../balancer/pool/states.ts'
import type { Logger } from '../../../core/log/log.ts'
import type { Metrics } from '../../../core/metrics/metrics.ts'
import { logChange } from '../../../health/log-change.ts'
import { rulingAxis } from '../ruling-axis.ts'

/** Every change of a backend's state, from any thread, passes here once: log line, metric, and reason. */
export class ChangeJournal {
  readonly #log: Logger
  readonly #metrics: Metrics
  /** By `pool/backend`, the last of each axis, the latest at the end; bounded by the configuration. */
  readonly #reasons = new Map<string, Map<ChangeEvent['axis'], string>>()

  constructor(log: Logger, metrics: Metrics) {
    this.#log = log
    this.#metrics = metrics
  }

  record(event: ChangeEvent): void {
    const { pool, backend, axis, to, reason } = event
    logChange(this.#log, event)
    if (axis !== 'weight') this.#keep(`${pool}/${backend}`, axis, reason)
    if (axis === 'breaker' && to === 'open') {
      this.#metrics.counter('lb_breaker_opens_total', { pool, backend }).add()
    }
  }

  /** Why it is not picked; of one that may be picked the last change. */
  reasonOf(backend: Backend): string | undefined {
    const reasons = this.#reasons.get(backend.key)
    if (reasons === undefined) return undefined
    const axis = rulingAxis(backend)
    return axis === undefined ? [...reasons.values()].at(-1) : reasons.get(axis)
  }

  #keep(key: string, axis: ChangeEvent['axis'], reason: string): void {
    let reasons = this.#reasons.get(key)
    if (reasons === undefined) this.#reasons.set(key, (reasons = new Map()))
    reasons.delete(axis)
    reasons.set(axis, reason)
  }

  /** Forgets backends that are no longer configured. */
  retain(keys: ReadonlySet<string>): void {
    for (const key of this.#reasons.keys()) if (!keys.has(key)) this.#reasons.delete(key)
  }
}
