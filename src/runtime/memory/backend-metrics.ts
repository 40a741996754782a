import { packageVersion } from '../../core/package-version.ts'
import type { WorkerState } from '../workers/planes.ts'
import type { Backend } from '../../balancer/pool/backend.ts'
import * as at from '../../balancer/table/columns.ts'
import type { Pool } from '../../balancer/pool/pool.ts'
import type { Collector, Sample } from '../../core/metrics/hub.ts'

/** Gauges and totals of the backend table, read at every scrape. */
export function collectBackends(pools: () => Iterable<Pool>): Collector {
  return (sample) => {
    for (const pool of pools()) {
      sample('lb_queue_waiting', { pool: pool.name }, pool.waiting)
      sample('lb_pool_usable_backends', { pool: pool.name }, usable(pool))
      for (const backend of pool.backends) sampleBackend(sample, backend)
    }
  }
}

function usable(pool: Pool): number {
  let count = 0
  for (const { admin, healthy } of pool.backends) if (admin === 'ready' && healthy) count++
  return count
}

function sampleBackend(sample: Sample, backend: Backend): void {
  const labels = { pool: backend.pool, backend: backend.name }
  const { table, slot, admin, probe, breaker, ejected } = backend
  sample('lb_backend_up', labels, probe === 'down' ? 0 : 1)
  sample('lb_backend_active', labels, backend.active)
  sample('lb_backend_open', labels, backend.open)
  sample('lb_backend_weight', labels, backend.weight)
  sample('lb_backend_requests_total', labels, table.total(slot, at.REQUESTS))
  sample('lb_backend_failures_total', labels, table.total(slot, at.FAILURES))
  const state =
    admin !== 'ready'
      ? admin
      : probe === 'down'
        ? 'down'
        : ejected || breaker !== 'closed'
          ? 'ejected'
          : 'ready'
  for (const each of ['ready', 'drain', 'maint', 'ejected', 'down']) {
    sample('lb_backend_state', { ...labels, state: each }, each === state ? 1 : 0)
  }
}

/** Version and number of threads. */
export function collectOwn(workers: () => readonly WorkerState[]): Collector {
  return (sample) => {
    sample('lb_build_info', { version: packageVersion(), node: process.version }, 1)
    sample('lb_workers', {}, workers().filter(({ state }) => state === 'running').length)
  }
}
