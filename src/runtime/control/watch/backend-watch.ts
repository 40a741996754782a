import type { Backend } from '../../../balancer/pool/backend.ts'
import { Operator } from '../../../balancer/pool/operator.ts'
import type { Pool } from '../../../balancer/pool/pool.ts'
import type { ChangeEvent } from '../../../balancer/pool/states.ts'
import type { Clock } from '../../../core/clock.ts'
import type { Logger } from '../../../core/log/log.ts'
import type { Metrics } from '../../../core/metrics/metrics.ts'
import type { Random } from '../../../core/random.ts'
import { HealthChecker } from '../../../health/health-checker.ts'
import { OutlierDetector } from '../../../health/outlier-detector.ts'
import type { ProbeReport } from '../../../health/probe-loop.ts'
import { ChangeJournal } from '../reload/change-journal.ts'
import { PoolWatch } from './pool-watch.ts'
import type { BackendFate } from '../../plane/listener-engine.ts'

export interface BackendWatchDeps {
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  readonly metrics: Metrics
  /** Called after a change was recorded. */
  readonly onChanged: (event: ChangeEvent) => void
  /** A backend's connections have to be closed. */
  readonly onFate: (fate: BackendFate, key: string) => void
}

/**
 * Everything in the main thread that decides about backends: probes, outliers, the operator; and the reports about it.
 */
export class BackendWatch {
  readonly operator: Operator
  readonly #deps: BackendWatchDeps
  readonly #health: HealthChecker
  readonly #outliers: OutlierDetector
  readonly #journal: ChangeJournal
  readonly #emptiness: PoolWatch
  #pools: ReadonlyMap<string, Pool> = new Map()

  constructor(deps: BackendWatchDeps) {
    const { clock, random, log, metrics } = deps
    const onChange = (event: ChangeEvent) => this.changed(event)
    this.#deps = deps
    this.#journal = new ChangeJournal(log, metrics)
    this.#emptiness = new PoolWatch(log)
    this.operator = new Operator({ clock, onChange })
    this.#outliers = new OutlierDetector({ clock, onChange })
    this.#health = new HealthChecker({
      clock,
      random,
      onChange,
      onUnable: ({ key, pool, name: backend }, reason) => {
        log.warn({ pool, backend, reason }, `probes cannot be made (of ${key} and others): ${reason}`)
      },
      onProbe: ({ pool, name }, result, latencyMs) => {
        const labels = { pool, backend: name, result }
        metrics.counter('lb_probes_total', labels).add()
        metrics.histogram('lb_probe_duration_seconds', { pool }).observe(latencyMs / 1e3)
      }
    })
  }

  /** From now on judges exactly the backends of these pools. */
  watch(pools: ReadonlyMap<string, Pool>): void {
    this.#pools = pools
    const all = [...pools.values()]
    this.#health.watch(all)
    this.#outliers.watch(all)
    this.#emptiness.retain(pools)
    this.#journal.retain(new Set(all.flatMap((pool) => pool.backends.map(({ key }) => key))))
  }

  /** Every change of a backend's state, from any thread, comes here once. */
  changed(event: ChangeEvent): void {
    this.#journal.record(event)
    this.#deps.onChanged(event)
    const { pool, backend, axis, to } = event
    const known = this.#pools.get(pool)
    if (known !== undefined) this.#emptiness.changed(known)
    const closes = known?.config.onDown === 'close'
    if (axis === 'probe' && to === 'down' && closes) this.#deps.onFate('down', `${pool}/${backend}`)
    if (known?.config.onUp === 'close-backups' && to !== 'unknown') this.#returned(known, event)
    if (axis === 'admin' && to === 'maint') this.#deps.onFate('maint', `${pool}/${backend}`)
  }

  /** Connections to backups are closed when a primary can serve again. */
  #returned({ name, backends }: Pool, { backend, axis, from }: ChangeEvent): void {
    if (axis === 'weight' || from === 'unknown') return
    const primary = backends.find((each) => each.name === backend)
    if (primary === undefined || primary.backup || primary.admin !== 'ready' || !primary.healthy) return
    const held = backends.filter(({ backup, active }) => backup && active > 0)
    if (held.length === 0) return
    const names = held.map((each) => each.name)
    this.#deps.log.info(
      { event: 'pool-failback', pool: name, backend, backups: names.length },
      `pool ${name}: ${backend} is back, so connections to ${names.length === 1 ? `the backup ${names[0]}` : `${names.length} backups`} are closed`
    )
    for (const { key } of held) this.#deps.onFate('maint', key)
  }

  report(backend: Backend): ProbeReport | undefined {
    return this.#health.report(backend)
  }

  reason(backend: Backend): string | undefined {
    return this.#journal.reasonOf(backend)
  }

  close(): void {
    this.#health.close()
    this.#outliers.close()
  }
}
