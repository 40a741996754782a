import type { BackendAddress, BackendConfig } from '../../config/model/model.ts'
import type { Clock } from '../../core/clock.ts'
import * as at from '../table/columns.ts'
import {
  ADMIN_STATES,
  BREAKER_STATES,
  CLOSED,
  OPEN,
  PROBE_DOWN,
  PROBE_STATES,
  READY,
  type AdminState,
  type BreakerState,
  type ProbeState
} from './states.ts'
import { breakerOf } from '../table/table.ts'
import { keptSessions, sawHolder, type KeptSessions } from './kept-sessions.ts'
import { socketFreed } from '../queue/socket-queue.ts'
import { NO_LIMIT, type BackendTable } from '../table/table.ts'

/**
 * One server as one pool of one thread sees it: its configuration, and a view of its row in the table. It serves in all
 * snapshots that have the same of it; many Backends may view one row.
 */
export class Backend {
  readonly config: BackendConfig
  readonly name: string
  readonly pool: string
  /** `pool/name`, as in the CLI and the admin API. */
  readonly key: string
  readonly address: BackendAddress
  readonly backup: boolean
  readonly maxConnections: number | undefined
  readonly configuredWeight: number
  readonly slot: number
  readonly table: BackendTable
  readonly #clock: Clock

  constructor(pool: string, config: BackendConfig, slot: number, table: BackendTable, clock: Clock) {
    this.config = config
    this.name = config.name
    this.pool = pool
    this.key = `${pool}/${config.name}`
    this.address = config.address
    this.backup = config.backup
    this.maxConnections = config.maxConnections
    this.configuredWeight = config.weight
    this.slot = slot
    this.table = table
    this.#clock = clock
  }

  get admin(): AdminState {
    return ADMIN_STATES[this.table.int(this.slot, at.ADMIN)]!
  }

  get probe(): ProbeState {
    return PROBE_STATES[this.table.int(this.slot, at.PROBE)]!
  }

  get breaker(): BreakerState {
    return BREAKER_STATES[breakerOf(this.table.int(this.slot, at.BREAKER))]!
  }

  get ejected(): boolean {
    return this.table.int(this.slot, at.EJECTED) === 1
  }

  /** While it drains and keeps the clients that hold its sticky cookie. */
  get sessions(): KeptSessions | undefined {
    return this.admin === 'drain' ? keptSessions(this, this.#clock.now()) : undefined
  }

  /** A client that holds its sticky cookie was answered. Counted while it drains. */
  sawHolder(hash: number): void {
    sawHolder(this, hash, this.#clock.now())
  }

  /** Leases out, over all threads. */
  get active(): number {
    return this.table.int(this.slot, at.ACTIVE)
  }

  /** Upstream sockets, over all threads; counted by the callers of tryOpen and closed. */
  get open(): number {
    return this.table.int(this.slot, at.SOCKETS)
  }

  get full(): boolean {
    return this.maxConnections !== undefined && this.active >= this.maxConnections
  }

  /** The operator's weight, or the configured one. Slow start is not in it. */
  get weight(): number {
    return this.table.int(this.slot, at.WEIGHT) || this.configuredWeight
  }

  /** Health alone, whatever the operator says: the probe, the breaker and the outlier detector have no objection. */
  get healthy(): boolean {
    if (this.table.int(this.slot, at.PROBE) === PROBE_DOWN || this.ejected) return false
    const breaker = breakerOf(this.table.int(this.slot, at.BREAKER))
    if (breaker === CLOSED) return true
    return breaker === OPEN && this.#clock.now() >= this.table.float(this.slot, at.OPEN_UNTIL)
  }

  /** It may serve now. The panic threshold, which overrides health, is applied by the pool. */
  get available(): boolean {
    return this.table.int(this.slot, at.ADMIN) === READY && this.healthy && !this.full
  }

  /**
   * Counts one more socket unless that would pass maxConnections, over all threads. Call before connecting; whoever
   * was told true calls `closed` once when the socket is gone.
   */
  tryOpen(): boolean {
    return this.table.take(this.slot, at.SOCKETS, at.HELD_SOCKETS, this.maxConnections ?? NO_LIMIT)
  }

  closed(): void {
    this.table.give(this.slot, at.SOCKETS, at.HELD_SOCKETS)
    if (this.table.starved(this.slot)) socketFreed(this.table, this.slot)
  }
}
