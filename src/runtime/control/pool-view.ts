import type { BackendView, DiscoveryView, PoolView } from '../../admin/control-plane.ts'
import type { Backend } from '../../balancer/pool/backend.ts'
import * as at from '../../balancer/table/columns.ts'
import type { Pool } from '../../balancer/pool/pool.ts'
import type { ProbeReport } from '../../health/probe-loop.ts'
import type { SourceView } from '../discovery/followed-source.ts'
import { rulingAxis } from './ruling-axis.ts'

/** Why it is in its state: the table has only since when. */
export type ReasonOf = (backend: Backend) => string | undefined
export type ReportOf = (backend: Backend) => ProbeReport | undefined

/** Facts about a backend that are not in the table. */
export interface BackendFacts {
  readonly reportOf: ReportOf
  readonly reasonOf: ReasonOf
  /** Requests per second. */
  readonly rateOf: (backend: Backend) => number
}

export function viewPool(pool: Pool, facts: BackendFacts): PoolView {
  const { panic } = pool
  const backends = pool.backends.map((backend) => viewBackend(pool, backend, facts))
  return {
    name: pool.name,
    algorithm: pool.config.algorithm,
    usable: backends.filter(({ usable }) => usable).length,
    panic,
    queue: { waiting: pool.waiting, max: pool.config.queue.max },
    backends
  }
}

export function viewBackend(pool: Pool, backend: Backend, facts: BackendFacts): BackendView {
  const { table, slot } = backend
  const report = facts.reportOf(backend)
  const lastHealthy = table.float(slot, at.LAST_HEALTHY)
  const reason = facts.reasonOf(backend)
  const since = sinceOf(backend)
  const latencyMs = table.shorts[slot * at.INTS + at.EWMA]!
  return {
    name: backend.name,
    address: backend.address.text,
    state: backend.probe,
    admin: backend.admin,
    breaker: backend.breaker,
    ejected: backend.ejected,
    usable: backend.admin === 'ready' && (backend.healthy || pool.panic),
    ...(reason !== undefined && { reason }),
    ...(since > 0 && { since: isoTime(since) }),
    failures: Math.max(table.int(slot, at.PROBE_FAILURES), table.int(slot, at.STREAK)),
    ...(lastHealthy > 0 && { lastHealthyAt: isoTime(lastHealthy) }),
    ...(report !== undefined && {
      probe: {
        result: report.passed ? 'ok' : 'fail',
        latencyMs: Math.round(report.latencyMs * 1e3) / 1e3,
        at: isoTime(report.at),
        reason: report.text
      }
    }),
    ...sessionsOf(backend),
    active: backend.active,
    open: backend.open,
    weight: backend.weight,
    effectiveWeight: Math.round(pool.effectiveWeight(backend) * 1e3) / 1e3,
    ...(latencyMs > 0 && { latencyMs: Math.round(latencyMs * 1e3) / 1e3 }),
    backup: backend.backup,
    ...(backend.maxConnections !== undefined && { maxConnections: backend.maxConnections }),
    requests: table.total(slot, at.REQUESTS),
    failedRequests: table.total(slot, at.FAILURES),
    perSecond: facts.rateOf(backend)
  }
}

export function viewSource({ source, backends, answeredAt, error }: SourceView): DiscoveryView {
  return {
    source,
    backends,
    ...(answeredAt !== undefined && { answeredAt: isoTime(answeredAt) }),
    ...(error !== undefined && { error })
  }
}

function sessionsOf({ sessions }: Backend): Pick<BackendView, 'sessions'> {
  if (sessions === undefined) return {}
  const { leftMs, holders, watchedMs } = sessions
  return {
    sessions: { until: isoTime(Date.now() + leftMs), holders, watchedSeconds: Math.floor(watchedMs / 1e3) }
  }
}

const SINCE = {
  admin: at.ADMIN_SINCE,
  probe: at.PROBE_SINCE,
  breaker: at.BREAKER_SINCE,
  ejection: at.EJECTED_SINCE
}

/** When that began which keeps it from being picked; else the latest change on any axis, at first the time when it was added. */
function sinceOf(backend: Backend): number {
  const { table, slot } = backend
  const axis = rulingAxis(backend)
  if (axis !== undefined) return table.float(slot, SINCE[axis])
  return Math.max(...[...Object.values(SINCE), at.ADDED_AT].map((column) => table.float(slot, column)))
}

function isoTime(wall: number): string {
  return new Date(wall).toISOString()
}
