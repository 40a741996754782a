import type { Backend } from '../balancer/pool/backend.ts'
import * as at from '../balancer/table/columns.ts'
import type { Pool } from '../balancer/pool/pool.ts'
import { beginSlowStart } from '../balancer/pool/slow-start.ts'
import type { ChangeEvent } from '../balancer/pool/states.ts'
import type { Clock } from '../core/clock.ts'
import { outliers } from './outliers.ts'

/** A backend that is ejected again and again stays out longer each time, up to this many times ejectMs. */
const MOST_TIMES = 10

interface Watched {
  requests: number
  failures: number
  /** Ejections in a row; each quiet interval takes one off. */
  times: number
  ejectedUntil: number
}

/** Ejects backends that fail more than the rest of their pool. Main thread; it reads what all threads have counted. */
export class OutlierDetector {
  readonly #clock: Clock
  readonly #onChange: ((event: ChangeEvent) => void) | undefined
  readonly #watched = new Map<number, Watched>()
  #cancels: (() => void)[] = []

  constructor(parts: { readonly clock: Clock; readonly onChange?: (event: ChangeEvent) => void }) {
    this.#clock = parts.clock
    this.#onChange = parts.onChange
  }

  /** Watches exactly these pools; called again after a reload, it keeps what it knows of what stays. */
  watch(pools: readonly Pool[]): void {
    this.#stop()
    const kept = new Set<number>()
    for (const pool of pools) {
      if (pool.config.outlier === undefined) {
        for (const backend of pool.backends)
          if (backend.ejected) this.#readmit(backend, pool, 'no longer watched')
        continue
      }
      for (const backend of pool.backends) {
        kept.add(backend.slot)
        if (!this.#watched.has(backend.slot))
          this.#watched.set(backend.slot, { ...totals(backend), times: 0, ejectedUntil: 0 })
      }
      this.#schedule(pool, this.#cancels.length)
    }
    for (const slot of this.#watched.keys()) if (!kept.has(slot)) this.#watched.delete(slot)
  }

  close(): void {
    this.#stop()
  }

  #stop(): void {
    for (const cancel of this.#cancels) cancel()
    this.#cancels = []
  }

  #schedule(pool: Pool, place: number): void {
    this.#cancels[place] = this.#clock.after(pool.config.outlier!.intervalMs, () => {
      this.#look(pool)
      this.#schedule(pool, place)
    })
  }

  #look(pool: Pool): void {
    const config = pool.config.outlier!
    const now = this.#clock.now()
    const tallies = pool.backends.map((backend) => {
      const watched = this.#watched.get(backend.slot)!
      const seen = totals(backend)
      const tally = {
        requests: seen.requests - watched.requests,
        failures: seen.failures - watched.failures,
        ejected: backend.ejected
      }
      Object.assign(watched, seen)
      if (backend.ejected && now >= watched.ejectedUntil) this.#readmit(backend, pool, 'its time is up')
      else if (!backend.ejected && tally.failures === 0 && watched.times > 0) watched.times--
      return tally
    })
    for (const position of outliers(tallies, config)) {
      const backend = pool.backends[position]!
      const watched = this.#watched.get(backend.slot)!
      watched.times = Math.min(MOST_TIMES, watched.times + 1)
      watched.ejectedUntil = now + config.ejectMs * watched.times
      const { requests, failures } = tallies[position]!
      backend.table.setFloat(backend.slot, at.EJECTED_SINCE, this.#clock.wall())
      this.#set(backend, 1, `${failures} of ${requests} requests failed, more than elsewhere in the pool`)
    }
  }

  #readmit(backend: Backend, pool: Pool, reason: string): void {
    beginSlowStart(backend, pool.config.slowStartMs, this.#clock)
    this.#set(backend, 0, reason)
  }

  #set(backend: Backend, ejected: 0 | 1, reason: string): void {
    if (!backend.table.exchange(backend.slot, at.EJECTED, ejected)) return
    backend.table.bump(backend.slot)
    const [from, to] = ejected === 1 ? ['in', 'ejected'] : ['ejected', 'in']
    this.#onChange?.({ pool: backend.pool, backend: backend.name, axis: 'ejection', from, to, reason })
  }
}

function totals(backend: Backend): { requests: number; failures: number } {
  const { table, slot } = backend
  return { requests: table.total(slot, at.REQUESTS), failures: table.total(slot, at.FAILURES) }
}
