import type { Clock } from '../core/clock.ts'
import type { Backend } from './backend.ts'
import * as at from './columns.ts'
import type { Pool } from './pool.ts'
import { ramp } from './slow-start.ts'
import type { AdminState, BreakerState, ProbeState } from './states.ts'

/** Text that lives in the main thread, not in the table. */
export interface Notes {
  /** The operator's reason. */
  adminReason?(backend: Backend): string | undefined
  /** The last probe's words. */
  probeText?(backend: Backend): string | undefined
}

export type EffectiveState =
  'serving' | 'full' | 'draining' | 'maint' | 'down' | 'open' | 'half-open' | 'ejected'

/** All of one backend's state, as plain data for the admin API. Times are wall clock in ms; undefined: never. */
export interface BackendDescription {
  readonly name: string
  readonly key: string
  readonly address: string
  readonly backup: boolean
  readonly state: EffectiveState
  readonly reason: string
  readonly since: number | undefined
  readonly admin: AdminState
  /** up, down or unknown. */
  readonly health: ProbeState
  readonly breaker: BreakerState
  readonly ejected: boolean
  readonly available: boolean
  /** Failed probes in a row, and failed requests in a row. */
  readonly probeFailures: number
  readonly failureStreak: number
  readonly lastHealthy: number | undefined
  readonly lastProbe:
    { readonly at: number; readonly latencyMs: number; readonly text: string | undefined } | undefined
  /** Moving average over answers; undefined: none yet. */
  readonly latencyMs: number | undefined
  readonly active: number
  readonly open: number
  readonly maxConnections: number | undefined
  readonly weight: number
  readonly configuredWeight: number
  /** With slow start. */
  readonly effectiveWeight: number
  readonly requests: number
  readonly failures: number
  readonly addedAt: number | undefined
}

export interface PoolDescription {
  readonly name: string
  readonly algorithm: string
  readonly available: number
  readonly active: number
  readonly waiting: number
  readonly panic: boolean
  readonly backends: readonly BackendDescription[]
}

export function describePool(pool: Pool, clock: Clock, notes: Notes = {}): PoolDescription {
  const backends = pool.backends.map((backend) =>
    describeBackend(backend, pool.config.slowStartMs, clock, notes)
  )
  return {
    name: pool.name,
    algorithm: pool.config.algorithm,
    available: backends.filter((backend) => backend.available).length,
    active: backends.reduce((sum, backend) => sum + backend.active, 0),
    waiting: pool.waiting,
    panic: pool.panic,
    backends
  }
}

export function describeBackend(
  backend: Backend,
  slowStartMs: number,
  clock: Clock,
  notes: Notes = {}
): BackendDescription {
  const { table, slot } = backend
  const time = (column: number) => table.float(slot, column) || undefined
  const slowSince = table.float(slot, at.SLOW_SINCE)
  const share = slowSince > 0 ? ramp(clock.now() - slowSince, slowStartMs) : 1
  const probedAt = time(at.PROBED_AT)
  return {
    name: backend.name,
    key: backend.key,
    address: backend.address.text,
    backup: backend.backup,
    ...effective(backend, notes),
    admin: backend.admin,
    health: backend.probe,
    breaker: backend.breaker,
    ejected: backend.ejected,
    available: backend.available,
    probeFailures: table.int(slot, at.PROBE_FAILURES),
    failureStreak: table.int(slot, at.STREAK),
    lastHealthy: time(at.LAST_HEALTHY),
    lastProbe:
      probedAt === undefined
        ? undefined
        : { at: probedAt, latencyMs: table.float(slot, at.PROBE_LATENCY), text: notes.probeText?.(backend) },
    latencyMs: time(at.EWMA),
    active: backend.active,
    open: backend.open,
    maxConnections: backend.maxConnections,
    weight: backend.weight,
    configuredWeight: backend.configuredWeight,
    effectiveWeight: backend.weight * share,
    requests: table.total(slot, at.REQUESTS),
    failures: table.total(slot, at.FAILURES),
    addedAt: time(at.ADDED_AT)
  }
}

/** One word for all axes, the strongest first, with its reason and since when. */
function effective(
  backend: Backend,
  notes: Notes
): { state: EffectiveState; reason: string; since: number | undefined } {
  const { table, slot } = backend
  const since = (column: number) => table.float(slot, column) || undefined
  const admin = { reason: notes.adminReason?.(backend) ?? 'operator', since: since(at.ADMIN_SINCE) }
  if (backend.admin === 'maint') return { state: 'maint', ...admin }
  if (backend.admin === 'drain') return { state: 'draining', ...admin }
  if (backend.probe === 'down') {
    return {
      state: 'down',
      reason: notes.probeText?.(backend) ?? 'probes fail',
      since: since(at.PROBE_SINCE)
    }
  }
  if (backend.ejected) {
    return {
      state: 'ejected',
      reason: 'more errors than the rest of the pool',
      since: since(at.EJECTED_SINCE)
    }
  }
  if (backend.breaker === 'open') {
    return { state: 'open', reason: 'failures in a row', since: since(at.BREAKER_SINCE) }
  }
  if (backend.breaker === 'half-open') {
    return { state: 'half-open', reason: 'one trial is under way', since: since(at.BREAKER_SINCE) }
  }
  if (backend.full) return { state: 'full', reason: 'at maxConnections', since: undefined }
  const upSince = since(at.PROBE_SINCE)
  return {
    state: 'serving',
    reason: upSince === undefined ? 'no verdict yet' : 'probes pass',
    since: upSince
  }
}
