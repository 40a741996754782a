import type { Pool } from '../../balancer/pool/pool.ts'
import type { Accept } from '../../net/transport/accept.ts'
import type { ListenerPlan, Snapshot } from './snapshot.ts'

/** What runtime asks of an engine of either layer: it owns the connections of one listener in one thread. */
export interface Engine {
  readonly accept: Accept
  /** Finish what is under way and open nothing new; connections end as they fall idle. */
  drain(): void
  /** Closes all connections now. */
  destroy(): void
  /** The probes say that `key` (`pool/name`) is down. These two are left out where connections are of no backend (L7). */
  backendDown?(key: string): void
  /** The operator has taken it out. */
  closeBackend?(key: string): void
  readonly connections: number
  /** Age of the oldest connection, 0 without. */
  oldestMs(now: number): number
}

/** `down`: the probes say so; `maint`: the operator does. */
export type BackendFate = 'down' | 'maint'

/** An engine with a snapshot that is built and checked, but not yet in force. */
export interface PreparedEngine {
  readonly engine: Engine
  /** Puts the snapshot in force: one store, nothing in it may throw. */
  commit(): void
}

/** Everything of one thread that engines share, and how they are made. */
export interface Engines {
  /** Builds `plan` into a new engine, or into the next snapshot of `running`, which is of the same mode. Rejects. */
  prepare(
    plan: ListenerPlan,
    snapshot: Snapshot,
    pools: ReadonlyMap<string, Pool>,
    running: Engine | undefined
  ): Promise<PreparedEngine>
  /** After a commit: upstream connections and metric series of what is no longer there may go. */
  retain(snapshot: Snapshot, pools: ReadonlyMap<string, Pool>): void
  /** Closes idle upstream connections; at the end. */
  close(): void
}
