import type { Backend } from '../../balancer/backend.ts'
import type { Clock } from '../../core/clock.ts'
import type { Deadlines } from '../../core/deadlines.ts'
import { UpstreamPool, type UpstreamSettings } from './upstream-pool.ts'

/**
 * The upstream connections of this thread, by pool, backend and address: they outlive snapshots, so a reload costs
 * no connection of a backend that did not change.
 */
export class UpstreamRegistry {
  readonly #deadlines: Deadlines
  readonly #pools = new Map<string, UpstreamPool>()
  readonly #clock: Clock

  constructor(deadlines: Deadlines, clock: Clock) {
    this.#deadlines = deadlines
    this.#clock = clock
  }

  /** The connections to `backend`, from now on by these settings. */
  of(backend: Backend, settings: UpstreamSettings): UpstreamPool {
    const key = keyOf(backend)
    let pool = this.#pools.get(key)
    if (pool === undefined) {
      pool = new UpstreamPool(this.#deadlines, this.#clock, settings)
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

  /** Idle and open connections of the backends of one pool, for the metrics. */
  counts(poolName: string): { idle: number; open: number } {
    let idle = 0
    let open = 0
    for (const [key, pool] of this.#pools) {
      if (!key.startsWith(`${poolName}/`)) continue
      idle += pool.idle
      open += pool.open
    }
    return { idle, open }
  }

  /** Closes everything idle: shutdown. */
  closeIdle(): void {
    for (const pool of this.#pools.values()) pool.retire()
  }
}

function keyOf(backend: Backend): string {
  return `${backend.key}\n${backend.address.text}`
}
