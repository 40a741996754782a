import type { Accept } from '../net/accept.ts'
import type { ListenerConfig } from '../config/model.ts'
import type { Pool } from '../balancer/pool.ts'

/** What runtime asks of an engine of either layer: it owns the connections of one listener in one thread. */
export interface Engine {
  readonly accept: Accept
  /** Finish what is under way and open nothing new; connections end as they fall idle. */
  drain(): void
  /** Closes all connections now. */
  destroy(): void
  readonly connections: number
  /** Age of the oldest connection, 0 without. */
  oldestMs(now: number): number
}

/** An engine with a snapshot that is built and checked, but not yet in force. */
export interface PreparedEngine {
  readonly engine: Engine
  /** Puts the snapshot in force: one store, nothing in it may throw. */
  commit(): void
}

/** Everything of one thread that engines share, and how they are made. */
export interface Engines {
  /**
   * Builds `config` into a new engine, or into the next snapshot of `running`, which is of the same mode. Throws
   * without a trace.
   */
  prepare(
    config: ListenerConfig,
    pools: ReadonlyMap<string, Pool>,
    running: Engine | undefined
  ): PreparedEngine
  /** After a commit: upstream connections and series of what `pools` and `listeners` no longer have may go. */
  retain(listeners: readonly ListenerConfig[], pools: ReadonlyMap<string, Pool>): void
  /** Another thread waits for a connection to the backend in `slot`, which is at its limit: close one that is idle. */
  shed(slot: number): void
  /** A connection to the backend in `slot` was closed, and this thread waits for one. */
  freed(slot: number): void
  /** Closes idle upstream connections; at the end. */
  close(): void
}
