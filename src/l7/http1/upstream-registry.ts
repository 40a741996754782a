import type { Backend } from '../../balancer/backend.ts'
import type { Clock } from '../../core/clock.ts'
import type { Deadlines } from '../../core/deadlines.ts'
import type { Metrics } from '../../core/metrics.ts'
import { UpstreamPool, type UpstreamGauges, type UpstreamSettings } from './upstream-pool.ts'

/**
 * The upstream connections of this thread, by pool, backend and address: they outlive snapshots, so a reload costs
 * no connection of a backend that did not change.
 */
export class UpstreamRegistry {
  readonly #deadlines: Deadlines
  readonly #pools = new Map<string, UpstreamPool>()
  readonly #clock: Clock
  readonly #metrics: Metrics

  constructor(deadlines: Deadlines, clock: Clock, metrics: Metrics) {
    this.#deadlines = deadlines
    this.#clock = clock
    this.#metrics = metrics
  }

  /** The connections to `backend`, from now on by these settings. */
  of(backend: Backend, settings: UpstreamSettings): UpstreamPool {
    const key = keyOf(backend)
    let pool = this.#pools.get(key)
    if (pool === undefined) {
      pool = new UpstreamPool(this.#deadlines, this.#clock, this.#gauges(backend.pool), settings)
      this.#pools.set(key, pool)
    } else {
      pool.update(settings)
    }
    return pool
  }

  /** Another thread wants a connection of the backend called `pool/name`: one idle one is given up. */
  shed(backendKey: string): boolean {
    for (const [key, pool] of this.#pools) {
      if (key.startsWith(`${backendKey}\n`) && pool.shed()) return true
    }
    return false
  }

  /** Lets go of what is not in use by any of `backends`: idle connections close, busy ones after their response. */
  retain(backends: Iterable<Backend>): void {
    const kept = new Set<string>()
    for (const backend of backends) kept.add(keyOf(backend))
    for (const [key, pool] of this.#pools) {
      if (kept.has(key)) continue
      pool.retire()
      this.#pools.delete(key)
    }
  }

  #gauges(pool: string): UpstreamGauges {
    const gauge = (state: string) => this.#metrics.gauge('lb_upstream_connections', { pool, state })
    return { idle: gauge('idle'), busy: gauge('busy') }
  }

  /** Closes everything idle: shutdown. */
  closeIdle(): void {
    for (const pool of this.#pools.values()) pool.retire()
  }
}

function keyOf(backend: Backend): string {
  return `${backend.key}\n${backend.address.text}`
}
