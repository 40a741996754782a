import type { Pool } from '../../balancer/pool/pool.ts'
import type { Accept } from '../../net/transport/accept.ts'
import type { ListenerPlan, PlaneSnapshot } from './plane-snapshot.ts'

/** The interface of an engine of either mode: it owns the connections of one listener in one thread. */
export interface ListenerEngine {
  readonly accept: Accept
  /** Finishes what is under way and opens nothing new; connections close as they become idle. */
  drain(): void
  /** Closes all connections now. */
  destroy(): void
  /** Probes found `key` (`pool/name`) down. These two are absent where clients' connections do not belong to a backend (L7). */
  backendDown?(key: string): void
  /** The operator has taken it out. */
  closeBackend?(key: string): void
  readonly connections: number
  /** Age of the oldest connection; 0 without connections. */
  oldestMs(now: number): number
}

/** `down`: by probes; `maint`: by the operator. */
export type BackendFate = 'down' | 'maint'

/** An engine with a snapshot that is built and checked, but not in force yet. */
export interface PreparedListener {
  readonly engine: ListenerEngine
  /** Puts the snapshot in force with a single assignment; it must not throw. */
  commit(): void
}

/** What the engines of one thread share, and how to create them. */
export interface ListenerEngines {
  /**
   * Builds `plan` into a new engine, or into the next snapshot of `running`, which has the same mode. Rejects on
   * failure.
   */
  prepare(
    plan: ListenerPlan,
    snapshot: PlaneSnapshot,
    pools: ReadonlyMap<string, Pool>,
    running: ListenerEngine | undefined
  ): Promise<PreparedListener>
  /** These pools are in force from now on; called first of all in a commit. */
  use(pools: ReadonlyMap<string, Pool>): void
  /** Called in the turn after a commit: drops upstream connections and metric series of removed parts. */
  retain(snapshot: PlaneSnapshot, pools: ReadonlyMap<string, Pool>): void
  /** The same, of the upstream connections that listeners share. */
  backendDown(key: string): void
  /** Closes idle upstream connections at shutdown. */
  close(): void
}
