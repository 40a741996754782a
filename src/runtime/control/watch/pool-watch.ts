import type { Pool } from '../../../balancer/pool/pool.ts'
import type { Logger } from '../../../core/log/log.ts'

/** Logs once that no backend of a pool can serve, and once that one can again. */
export class PoolWatch {
  readonly #log: Logger
  /** Names of pools without a usable backend. */
  readonly #empty = new Set<string>()

  constructor(log: Logger) {
    this.#log = log
  }

  /** Call it after a change of one of the pool's backends. */
  changed(pool: Pool): void {
    const { name, backends } = pool
    const usable = backends.some(({ admin, healthy }) => admin === 'ready' && healthy)
    if (usable === !this.#empty.has(name)) return
    const fields = { event: usable ? 'pool-usable' : 'pool-empty', pool: name, backends: backends.length }
    if (usable) {
      this.#empty.delete(name)
      this.#log.info(fields, `pool ${name} can serve again`)
      return
    }
    this.#empty.add(name)
    const taken = backends.filter(({ admin }) => admin !== 'ready').length
    const why =
      taken === 0
        ? 'all are down'
        : taken === backends.length
          ? 'all are taken out'
          : `${taken} taken out, the others down`
    this.#log.warn(fields, `pool ${name} has no usable backend: of ${backends.length} backends ${why}`)
  }

  /** Forgets removed pools. */
  retain(pools: ReadonlyMap<string, Pool>): void {
    for (const name of this.#empty) if (!pools.has(name)) this.#empty.delete(name)
    for (const pool of pools.values()) if (this.#empty.has(pool.name)) this.changed(pool)
  }
}
