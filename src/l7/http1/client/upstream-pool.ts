import type { Backend } from '../../../balancer/pool/backend.ts'
import type { PoolConfig } from '../../../config/model/model.ts'
import { awaitSocket } from '../../../balancer/queue/socket-queue.ts'
import type { Clock } from '../../../core/clock.ts'
import { nextTurn } from '../../../core/containment.ts'
import type { Deadlines } from '../../../core/deadlines.ts'
import type { Gauge } from '../../../core/metrics/metrics.ts'
import { dial } from '../../../net/dial/dial.ts'
import { dialFailure, type DialFailure } from '../../../net/dial/dial-failure.ts'
import type { UpstreamTls } from '../../../net/tls/upstream-tls.ts'
import { Dialling, type ConnectAttempt, type ConnectionWaiter } from './dialling.ts'
import { UpstreamConnection } from './upstream-connection.ts'

/** Settings of a pool that its connections are made and kept by. */
export interface UpstreamSettings {
  readonly config: PoolConfig
  readonly tls: UpstreamTls | undefined
}

/** Of a pool: all its backends' connections on this thread. */
export interface UpstreamGauges {
  readonly idle: Gauge
  readonly busy: Gauge
}

/**
 * The connections of this thread to one backend: idle ones are used again, the newest first, so that those not needed
 * grow old and close. Sockets are counted against maxConnections over all threads, idle ones too.
 */
export class UpstreamPool {
  readonly deadlines: Deadlines
  #settings: UpstreamSettings
  /** The last is the newest. */
  readonly #idle: UpstreamConnection[] = []
  readonly #connecting = new Map<UpstreamConnection, Dialling>()
  /** Wait for room: a connection that comes free here is theirs. */
  readonly #starved = new Set<Dialling>()
  /** All that hold a socket, with whom it is counted at. */
  readonly #open = new Map<UpstreamConnection, Backend>()
  /** Gathers requests of this turn of the event loop, when pipelining is on. */
  #batch: UpstreamConnection | undefined
  readonly #clock: Clock
  readonly #gauges: UpstreamGauges
  #retired = false

  constructor(deadlines: Deadlines, clock: Clock, gauges: UpstreamGauges, settings: UpstreamSettings) {
    this.deadlines = deadlines
    this.#clock = clock
    this.#gauges = gauges
    this.#settings = settings
  }

  get idle(): number {
    return this.#idle.length
  }

  get open(): number {
    return this.#open.size
  }

  /** Takes settings of a new snapshot; they hold for connections from now on. */
  update(settings: UpstreamSettings): void {
    this.#settings = settings
    this.#retired = false
  }

  /**
   * The backend is no longer in the configuration: idle connections close, others with their last response. They count
   * until the backend has closed its side, since requests of the old configuration may still open others.
   */
  retire(): void {
    this.#retired = true
    while (this.shed());
  }

  /** Closes what is idle at once: the end. */
  destroyIdle(): void {
    this.#retired = true
    for (const connection of [...this.#idle]) connection.close()
  }

  /** An idle connection, or undefined. */
  take(): UpstreamConnection | undefined {
    for (;;) {
      const connection = this.#idle.pop()
      if (connection === undefined) return undefined
      this.#wake()
      if (connection.usable) return connection
    }
  }

  /** A connection that takes a request with no body which may be repeated; its writes go out at the end of the turn. */
  takePipelined(): UpstreamConnection | undefined {
    const batch = this.#batch
    if (
      batch !== undefined &&
      batch.usable &&
      batch.inFlight < this.#settings.config.connections.pipelining
    ) {
      return batch
    }
    const connection = this.take()
    if (connection !== undefined) {
      this.#batch = connection
      nextTurn(() => {
        connection.flush()
        if (this.#batch === connection) this.#batch = undefined
      })
    }
    return connection
  }

  /** Makes a connection, once the backend has room for one more. */
  connect(backend: Backend, timeoutMs: number, waiter: ConnectionWaiter, preface?: Buffer): ConnectAttempt {
    const dialling = new Dialling(this.#abandon, waiter, preface)
    if (backend.tryOpen()) {
      this.#dial(backend, timeoutMs, dialling)
      return dialling
    }
    this.#starved.add(dialling)
    dialling.wait = awaitSocket(backend, this.#clock, timeoutMs, (opened) => {
      this.#starved.delete(dialling)
      if (opened) this.#dial(backend, timeoutMs, dialling)
      else dialling.failed(starvation, 'no connection of the backend became free')
    })
    return dialling
  }

  /** Closes the oldest idle connection: another thread may have its place. */
  shed(): boolean {
    const oldest = this.#idle.shift()
    if (oldest === undefined) return false
    this.#wake()
    oldest.part()
    return true
  }

  // The connections' side.

  connected(connection: UpstreamConnection): void {
    const dialling = this.#connecting.get(connection)
    this.#connecting.delete(connection)
    this.deadlines.add(connection)
    if (dialling?.preface !== undefined) connection.transport.sendOwned(dialling.preface)
    dialling?.done(connection)
  }

  connectFailed(connection: UpstreamConnection, error: NodeJS.ErrnoException | undefined): void {
    const dialling = this.#connecting.get(connection)
    this.#connecting.delete(connection)
    this.#closed(connection)
    dialling?.failed(dialFailure(error, false), error?.code ?? error?.message ?? 'closed')
  }

  /** Its response has ended and it may serve again. */
  release(connection: UpstreamConnection, keepAliveSeconds: number | undefined): void {
    const { connections, timeouts, proxyProtocol } = this.#settings.config
    for (const starved of this.#starved) {
      this.#starved.delete(starved)
      return starved.done(connection)
    }
    const wanted = !this.#retired && this.#open.get(connection)?.contended === false
    // With the PROXY protocol a connection speaks for one client.
    if (!wanted || proxyProtocol !== undefined || this.#idle.length >= connections.maxIdle) {
      return connection.part()
    }
    // One second below the server's hint, since it may close while our request is on its way (RFC 9112 §9.3.1).
    const hintMs = keepAliveSeconds === undefined ? Infinity : keepAliveSeconds * 1e3 - 1e3
    const keepMs = Math.min(timeouts.keepAliveMs, hintMs)
    if (keepMs <= 0) return connection.part()
    connection.deadline = this.deadlines.now + keepMs
    this.#idle.push(connection)
    this.#gauges.idle.add(1)
    this.#gauges.busy.add(-1)
  }

  /** An idle connection is idle no more. */
  #wake(): void {
    this.#gauges.idle.add(-1)
    this.#gauges.busy.add(1)
  }

  gone(connection: UpstreamConnection): void {
    this.#closed(connection)
  }

  /** It became a tunnel: it goes on counting until its transport closes. */
  handedOver(connection: UpstreamConnection): void {
    this.deadlines.remove(connection)
    // In a variable first: see docs/discoveries/functions-born-old.md.
    const closed = (): void => this.#closed(connection)
    connection.transport.whenClosed = closed
  }

  #closed(connection: UpstreamConnection): void {
    this.deadlines.remove(connection)
    const at = this.#idle.indexOf(connection)
    if (at !== -1) {
      this.#idle.splice(at, 1)
      this.#wake()
    }
    if (this.#open.has(connection)) this.#gauges.busy.add(-1)
    this.#open.get(connection)?.closed()
    this.#open.delete(connection)
  }

  #dial(backend: Backend, timeoutMs: number, dialling: Dialling): void {
    const { tls } = this.#settings
    const connection = new UpstreamConnection(this)
    const options = {
      connectTimeoutMs: timeoutMs,
      deadlines: this.deadlines,
      ...(tls === undefined ? {} : { tls })
    }
    this.#open.set(connection, backend)
    this.#gauges.busy.add(1)
    this.#connecting.set(connection, dialling)
    dialling.connection = connection
    connection.attach(dial(backend.address, options, connection))
  }

  readonly #abandon = (dialling: Dialling): void => {
    this.#starved.delete(dialling)
    if (dialling.connection !== undefined) {
      this.#connecting.delete(dialling.connection)
      dialling.connection.close()
    }
  }
}

const starvation: DialFailure = { code: 'LB_CONNECT_TIMEOUT', outcome: 'unused' }
