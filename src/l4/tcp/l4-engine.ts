import type { Backend } from '../../balancer/pool/backend.ts'
import { errorKind, type ErrorCode } from '../../core/errors.ts'
import { Roster } from '../../core/roster.ts'
import { LogThrottle } from '../../core/log/log-throttle.ts'
import type { Attach } from '../../net/transport/accept.ts'
import { connectReason, plainMessage } from '../../net/tls/tls-reason.ts'
import { endpointText } from '../../net/dial/endpoint.ts'
import type { ConnectionEnd } from './connection-end.ts'
import { L4Connection } from './connection.ts'
import type { L4Host } from './l4-host.ts'
import type { Transport } from '../../net/transport/transport.ts'
import type { Passage } from '../access/passage.ts'
import type { L4Deps } from '../deps.ts'
import { KeepAliveSweep } from './keep-alive-sweep.ts'
import { L4Metrics } from '../l4-metrics.ts'
import type { L4Snapshot } from '../l4-snapshot.ts'
import type { CutReason } from './splice.ts'

type Placed = L4Connection & { place?: number }

const byPlace = {
  get: ({ place }: Placed) => place,
  set: (connection: Placed, at: number) => {
    connection.place = at
  }
}

/** One L4 listener in one thread. It owns its connections; the part that binds its sockets hands them over. */
export class L4Engine implements L4Host<L4Connection> {
  readonly deps: L4Deps
  readonly metrics: L4Metrics
  // Written by `apply` only; a connection takes it once.
  #snapshot: L4Snapshot
  readonly #connections = new Roster<Placed>(byPlace)
  readonly #keepAlive: KeepAliveSweep
  readonly #throttle: LogThrottle
  #draining = false

  /** `snapshot` from buildL4Snapshot. */
  constructor(deps: L4Deps, snapshot: L4Snapshot) {
    this.deps = deps
    this.metrics = new L4Metrics(deps.metrics, snapshot.config.name)
    this.#snapshot = snapshot
    this.#throttle = new LogThrottle(deps.log, deps.clock, deps.deadlines)
    this.#keepAlive = new KeepAliveSweep(deps.clock, deps.deadlines, this.#connections)
  }

  /**
   * Applies to new connections; open ones keep the snapshot that they began with. Those to backends that a pool has no
   * longer are closed where it says `onRemoved: close`.
   */
  apply(snapshot: L4Snapshot): void {
    const removed = removedSlots(this.#snapshot, snapshot)
    this.#snapshot = snapshot
    if (removed.size > 0) this.#cutFromRemoved(removed)
  }

  /** Takes a connection just accepted. */
  accept(attach: Attach): void {
    const connection = new L4Connection(this, this.#snapshot)
    if (this.#connections.size === 0) this.#keepAlive.start()
    this.#connections.add(connection)
    this.metrics.accepted.add()
    this.metrics.open.add(1)
    try {
      connection.begin(attach, this.#draining)
    } catch (error) {
      // The place is given back here; the caller, which accepted the connection, counts the fault and closes it.
      connection.onInternalError(error)
      throw error
    }
  }

  get connections(): number {
    return this.#connections.size
  }

  /** Age of the oldest connection, 0 without. */
  oldestMs(now: number): number {
    const { first } = this.#connections
    return first === undefined ? 0 : Math.max(0, now - first.startedAt)
  }

  /** Takes no new connections; open ones live until they end. */
  drain(): void {
    this.#draining = true
  }

  /** Cuts all connections now. */
  destroy(): void {
    this.#draining = true
    this.#cut('shutdown', () => true)
  }

  /** Backend `key` (`pool/name`) went down: its connections are closed where the pool now says `onDown: close`. */
  backendDown(key: string): void {
    this.#cutFrom(key, 'backend-down', ({ backend, poolName, snapshot }) => {
      if (backend?.key !== key) return false
      const target = this.#snapshot.targets.get(poolName!) ?? snapshot.targets.get(poolName!)
      return target!.pool.config.onDown === 'close'
    })
  }

  /** Closes the connections to backend `key` (`pool/name`), whatever the pool says: `maint`, or a primary is back. */
  closeBackend(key: string): void {
    this.#cutFrom(key, 'drained', (connection) => connection.backend?.key === key)
  }

  onAttemptFailed(
    connection: L4Connection,
    code: ErrorCode,
    backend: Backend,
    error: Error | undefined
  ): void {
    this.metrics.failed(code)
    const { name: listener } = this.#snapshot.config
    if (!this.#throttle.allows(`${code} ${backend.key}`, 'warn', { listener, backend: backend.key, code }))
      return
    const fields = { ...this.#fields(connection), backend: backend.key, code, cause: causeOf(code, error) }
    this.deps.log.warn(fields, 'backend not reached, trying another')
  }

  onConnectionEnd(connection: L4Connection, end: ConnectionEnd): void {
    if (!this.#connections.delete(connection)) return
    if (this.#connections.size === 0) this.#keepAlive.stop()
    this.metrics.open.add(-1)
    this.metrics.ended(end.reason)
    if (end.refused !== undefined) this.metrics.refused(end.refused)
    if (end.code !== undefined) this.metrics.failed(end.code)
    this.#log(connection, end)
  }

  #cutFromRemoved(slots: ReadonlySet<number>): void {
    const cut = new Map<string, number>()
    this.#cut('drained', ({ backend }) => {
      if (backend === undefined || !slots.has(backend.slot)) return false
      cut.set(backend.key, (cut.get(backend.key) ?? 0) + 1)
      return true
    })
    for (const [backend, connections] of cut) this.#tellCut(backend, 'drained', connections)
  }

  /** One line for all: clients saw them end. */
  #cutFrom(backend: string, reason: CutReason, which: (connection: L4Connection) => boolean): void {
    const connections = this.#cut(reason, which)
    if (connections > 0) this.#tellCut(backend, reason, connections)
  }

  #tellCut(backend: string, reason: CutReason, connections: number): void {
    const { name: listener } = this.#snapshot.config
    const fields = { event: 'connections-closed', listener, backend, reason, connections }
    this.deps.log.info(
      fields,
      `${connections} ${connections === 1 ? 'connection' : 'connections'} to ${backend} closed (${reason})`
    )
  }

  /** Returns how many were cut. */
  #cut(reason: CutReason, which: (connection: L4Connection) => boolean): number {
    let cut = 0
    this.#connections.forEach((connection) => {
      if (!which(connection)) return
      cut++
      connection.cut(reason)
    })
    return cut
  }

  #log(connection: L4Connection, end: ConnectionEnd): void {
    const { reason, code, failed, refused, backend, error, ordinary = false } = end
    const { log } = this.deps
    const gravity = code === undefined || ordinary ? 'debug' : errorKind(code).level
    const level = gravity === 'warn' && !failed ? 'info' : gravity
    const { accessLog } = connection.snapshot
    if (accessLog === undefined) {
      if (level === 'debug' && log.level !== 'debug' && log.level !== 'trace') return
      const common = { listener: this.#snapshot.config.name, code, reason: refused ?? reason }
      if (!this.#throttle.allows(`${code} ${common.reason}`, level, common)) return
    }
    const { downstream, serverName, attempts, waits, snapshot } = connection
    const passage: Passage = {
      event: 'connection',
      listener: this.#snapshot.config.name,
      client: clientText(connection),
      protocol: snapshot.tls === undefined ? 'tcp' : 'tls',
      serverName,
      pool: connection.poolName,
      backend: backend?.key,
      attempts,
      code,
      reason: refused ?? reason,
      // Undefined where the connection could not be taken over.
      bytesIn: (downstream as Transport | undefined)?.bytesIn ?? 0,
      bytesOut: (downstream as Transport | undefined)?.bytesOut ?? 0,
      ms: hundredths(this.deps.clock.now() - connection.startedAt),
      queueMs: waits && (hundredths(waits.queueMs) || undefined),
      connectMs: waits && hundredths(waits.connectMs),
      cause: causeOf(code, error)
    }
    const message = code === undefined ? 'connection ended' : errorKind(code).phrase
    if (accessLog === undefined) log[level](passage, message)
    else accessLog.write(level, passage, message)
  }

  #fields(connection: L4Connection): object {
    return {
      listener: this.#snapshot.config.name,
      pool: connection.poolName,
      client: clientText(connection)
    }
  }
}

/** Rows of backends that pools with `onRemoved: close` had before and have not any more. */
function removedSlots(before: L4Snapshot, now: L4Snapshot): Set<number> {
  const removed = new Set<number>()
  for (const [name, { pool }] of now.targets) {
    const last = before.targets.get(name)?.pool
    if (last === undefined || pool.config.onRemoved === 'keep') continue
    for (const { slot } of last.backends) removed.add(slot)
    for (const { slot } of pool.backends) removed.delete(slot)
  }
  return removed
}

function clientText({ client }: L4Connection): string | undefined {
  return client && endpointText(client)
}

function hundredths(ms: number): number {
  return Math.round(ms * 100) / 100
}

function causeOf(code: ErrorCode | undefined, error: Error | undefined): string | undefined {
  if (error === undefined) return undefined
  return code === 'LB_UPSTREAM_TLS' ? connectReason(error) : plainMessage(error)
}
