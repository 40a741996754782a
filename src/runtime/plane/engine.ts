import type { Pool } from '../../balancer/pool/pool.ts'
import type { Accept } from '../../net/transport/accept.ts'
import type { ListenerPlan, Snapshot } from './snapshot.ts'

/** The interface of an engine of either mode: it owns the connections of one listener in one thread. */
export interface Engine {
  readonly accept: Accept
  /** Finishes what is under way and opens nothing new; connections close as they become idle. */
  drain(): void
  /** Closes all connections now. */
  destroy(): void
  /** Probes found `key` (`pool/name`) down. These two are absent where connections do not belong to a backend (L7). */
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
export interface PreparedEngine {
  readonly engine: Engine
  /** Puts the snapshot in force with a single assignment; it must not throw. */
  commit(): void
}

/** What the engines of one thread share, and how to create them. */
export interface Engines {
  /**
   * Builds `plan` into a new engine, or into the next snapshot of `running`, which has the same mode. Rejects on
   * failure.
   */
  prepare(
    plan: ListenerPlan,
    snapshot: Snapshot,
    pools: ReadonlyMap<string, Pool>,
    running: Engine | undefined
  ): Promise<PreparedEngine>
  /** Called after a commit: drops upstream connections and metric series of removed parts. */
  retain(snapshot: Snapshot, pools: ReadonlyMap<string, Pool>): void
  /** Closes idle upstream connections at shutdown. */
  close(): void
}
