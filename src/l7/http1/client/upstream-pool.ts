import { isIP } from 'node:net'
import type { Backend } from '../../../balancer/pool/backend.ts'
import type { BackendAddress, PoolConfig } from '../../../config/model/model.ts'
import { awaitSocket } from '../../../balancer/queue/socket-queue.ts'
import type { Clock } from '../../../core/clock.ts'
import { nextTurn } from '../../../core/containment.ts'
import type { Deadlines } from '../../../core/deadlines.ts'
import { Roster } from '../../../core/roster.ts'
import type { Random } from '../../../core/random.ts'
import { threadLookup, type Lookup } from '../../../net/dial/lookup.ts'
import { dial } from '../../../net/dial/dial.ts'
import { dialFailure, type DialFailure } from '../../../net/dial/dial-failure.ts'
import { connectReason } from '../../../net/tls/tls-reason.ts'
import type { UpstreamTls } from '../../../net/tls/upstream-tls.ts'
import { Dialling, type ConnectAttempt, type ConnectionWaiter } from './dialling.ts'
import type { TieHolder } from '../../forward/client-ties.ts'
import { IdleLimit, Lifetime, Resting, type UpstreamGauges } from './resting.ts'
import { NameWatch } from './name-watch.ts'
import { UpstreamConnection } from './upstream-connection.ts'

/** A connection with what only its pool uses: its place in the roster, and the wait for it. */
type Open = UpstreamConnection & { place?: number; dialling?: Dialling<UpstreamConnection> | undefined }

const byPlace = {
  get: ({ place }: Open) => place,
  set: (connection: Open, at: number) => {
    connection.place = at
  }
}

/** Settings of a pool for making and keeping connections. */
export interface UpstreamSettings {
  readonly config: PoolConfig
  readonly tls: UpstreamTls | undefined
}

/** What all connections of a thread share. */
export interface UpstreamDeps {
  readonly deadlines: Deadlines
  readonly clock: Clock
  readonly random: Random
  /** Default: the thread's own lookup. */
  readonly lookup?: Lookup
}

/**
 * The connections of this thread to one backend. Idle ones are used again, the newest first, so that surplus ones grow
 * old and close. All sockets, idle ones too, count against maxConnections over all threads.
 */
export class UpstreamPool {
  readonly deadlines: Deadlines
  #settings: UpstreamSettings
  readonly #resting: Resting<UpstreamConnection>
  /** Waiting for room; they get the next connection that becomes free here. */
  readonly #starved = new Set<Dialling<UpstreamConnection>>()
  /** All connections that hold a socket. */
  readonly #open = new Roster<Open>(byPlace)
  /** The connection that gathers requests of this turn of the event loop, when pipelining is on. */
  #batch: UpstreamConnection | undefined
  readonly #clock: Clock
  readonly #random: Random
  /** Present where the backend is given by name. */
  readonly #names: NameWatch | undefined
  readonly #lookup: Lookup
  readonly #gauges: UpstreamGauges
  readonly #idleLimit = new IdleLimit()
  #retired = false

  constructor(
    deps: UpstreamDeps,
    address: BackendAddress,
    gauges: UpstreamGauges,
    settings: UpstreamSettings
  ) {
    this.deadlines = deps.deadlines
    this.#clock = deps.clock
    this.#random = deps.random
    const { lookup = threadLookup() } = deps
    this.#names =
      address.kind === 'tcp' && isIP(address.host) === 0
        ? new NameWatch(address.host, lookup, () => this.#dropMoved())
        : undefined
    this.#lookup = lookup
    this.#gauges = gauges
    this.#resting = new Resting(gauges, this)
    this.#settings = settings
  }

  get idle(): number {
    return this.#resting.shared
  }

  get open(): number {
    return this.#open.size
  }

  /** Takes over the settings of a new snapshot; they apply from now on. */
  update(settings: UpstreamSettings): void {
    this.#settings = settings
    this.#retired = false
  }

  /**
   * The backend is no longer in the configuration: idle connections close now, others after their last response. They
   * count until the backend has closed its side, since requests of the old configuration may still open more.
   */
  retire(): void {
    this.#retired = true
    this.leaveIdle()
  }

  /** Closes idle connections in order. */
  leaveIdle(): void {
    while (this.shed());
  }

  /** Destroys idle connections at once, at shutdown. */
  destroyIdle(): void {
    this.#retired = true
    for (const connection of this.#resting.all) connection.close()
  }

  /**
   * An idle connection, the client's own before shared ones, or undefined. `once`: for a request that must not be sent
   * twice.
   */
  take(client: TieHolder | undefined, once = false): UpstreamConnection | undefined {
    this.#names?.used(this.deadlines.now)
    const own = client === undefined ? undefined : this.#resting.takeOwn(client)
    if (own?.usable === true) return own
    return this.#resting.take(once ? this.#idleLimit : undefined, once ? this.deadlines.now : 0)
  }

  /** A connection for a request without a body that may be repeated; its writes are sent at the end of the turn. */
  takePipelined(): UpstreamConnection | undefined {
    const batch = this.#batch
    if (
      batch !== undefined &&
      batch.usable &&
      !batch.isPrivate &&
      batch.inFlight < this.#settings.config.connections.pipelining
    ) {
      return batch
    }
    const connection = this.take(undefined)
    if (connection !== undefined) {
      this.#batch = connection
      nextTurn(() => {
        connection.flush()
        if (this.#batch === connection) this.#batch = undefined
      })
    }
    return connection
  }

  /** Opens a connection, once the backend has room for one more. One that becomes idle first does too, unless `needsNew`. */
  connect(
    backend: Backend,
    timeoutMs: number,
    waiter: ConnectionWaiter<UpstreamConnection>,
    preface: Buffer | undefined,
    needsNew: boolean
  ): ConnectAttempt {
    const dialling = new Dialling(this.#abandon, waiter, preface)
    if (backend.tryOpen()) {
      this.#dial(backend, timeoutMs, dialling)
      return dialling
    }
    if (!needsNew) this.#starved.add(dialling)
    dialling.wait = awaitSocket(backend, this.#clock, timeoutMs, (opened) => {
      this.#starved.delete(dialling)
      if (opened) this.#dial(backend, timeoutMs, dialling)
      else dialling.failed(starvation, 'no connection of the backend became free')
    })
    return dialling
  }

  /** Closes the oldest idle connection so that another thread can open one. */
  shed(): boolean {
    const { oldest } = this.#resting
    if (oldest === undefined) return false
    this.dismiss(oldest)
    return true
  }

  // Called by the connections.

  connected(connection: Open): void {
    const { dialling } = connection
    connection.dialling = undefined
    this.deadlines.add(connection)
    // With TLS it was sent before the handshake.
    if (dialling?.preface !== undefined && this.#settings.tls === undefined)
      connection.transport.sendOwned(dialling.preface)
    dialling?.done(connection)
  }

  connectFailed(connection: Open, error: NodeJS.ErrnoException | undefined): void {
    const { dialling } = connection
    connection.dialling = undefined
    this.#closed(connection)
    dialling?.failed(dialFailure(error, false), connectReason(error))
  }

  /** Its response has ended and it may serve again. */
  release(connection: UpstreamConnection, keepAliveSeconds: number | undefined): void {
    const { connections, timeouts, proxyProtocol } = this.#settings.config
    const { now } = this.deadlines
    this.#names?.used(now)
    if (keepAliveSeconds !== undefined) this.#idleLimit.lasts(keepAliveSeconds * 1e3)
    // A waiter for its place gets it once the connection is closed.
    if (connection.isSpent(now) || !this.#isThere(connection)) return connection.part()
    if (!connection.isPrivate) {
      for (const starved of this.#starved) {
        this.#starved.delete(starved)
        return starved.done(connection)
      }
    }
    const { table, slot } = connection.backend
    const wanted = !this.#retired && !connection.transport.closed && !table.starved(slot)
    if (!wanted || !connection.rest(now, this.#idleLimit.within(timeouts.keepAliveMs, now), keepAliveSeconds))
      return connection.part()
    if (connection.isPrivate) {
      if (!this.#resting.addPrivate(connection)) connection.part()
    } else if (proxyProtocol !== undefined || this.#resting.shared >= connections.maxIdle) {
      // With the PROXY protocol a connection belongs to one client.
      connection.part()
    } else {
      this.#resting.add(connection)
    }
  }

  /** Closes the connection if it is idle. */
  dismiss(connection: UpstreamConnection): void {
    if (this.#resting.remove(connection)) connection.part()
  }

  #isThere({ transport }: UpstreamConnection): boolean {
    return this.#names === undefined || this.#names.has(transport.remote?.address)
  }

  /** The backend's name has new addresses: closes idle connections to the old ones. */
  #dropMoved(): void {
    for (const connection of this.#resting.all) if (!this.#isThere(connection)) this.dismiss(connection)
  }

  gone(connection: UpstreamConnection): void {
    this.#closed(connection)
  }

  /** It became a tunnel, and counts until its transport closes. */
  handedOver(connection: UpstreamConnection): void {
    this.deadlines.remove(connection)
  }

  #closed(connection: UpstreamConnection): void {
    this.deadlines.remove(connection)
    const rested = this.#resting.remove(connection)
    // The backend closed it: when lb decides to close, the deadline is Infinity.
    if (rested && !this.#retired && connection.deadline !== Infinity) {
      this.#idleLimit.closed(this.deadlines.now - connection.lifetime.restedAt, this.deadlines.now)
    }
    if (!this.#open.delete(connection)) return
    this.#gauges.busy.add(-1)
    connection.backend.closed()
  }

  #dial(backend: Backend, timeoutMs: number, dialling: Dialling<UpstreamConnection>): void {
    const { tls } = this.#settings
    const { connections } = this.#settings.config
    const lifetime = new Lifetime(connections, this.deadlines.now, this.#random)
    const connection: Open = new UpstreamConnection(this, backend, lifetime)
    const options = {
      connectTimeoutMs: timeoutMs,
      deadlines: this.deadlines,
      lookup: this.#lookup,
      source: this.#settings.config.source,
      ...(tls === undefined ? {} : { tls, preface: dialling.preface })
    }
    this.#open.add(connection)
    this.#gauges.busy.add(1)
    connection.dialling = dialling
    dialling.connection = connection
    connection.attach(dial(backend.address, options, connection))
    // Counted even where `onClose` threw, or a tunnel owns it; otherwise nothing is left to do. Assigned to a variable
    // first: see docs/discoveries/functions-born-old.md.
    const closed = (): void => this.connectFailed(connection, undefined)
    connection.transport.whenClosed = closed
  }

  readonly #abandon = (dialling: Dialling<UpstreamConnection>): void => {
    this.#starved.delete(dialling)
    if (dialling.connection !== undefined) {
      ;(dialling.connection as Open).dialling = undefined
      dialling.connection.close()
    }
  }
}

const starvation: DialFailure = { code: 'LB_CONNECT_TIMEOUT', outcome: 'unused' }
