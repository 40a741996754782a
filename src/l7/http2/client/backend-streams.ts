import { isIP } from 'node:net'
import type { Backend } from '../../../balancer/pool/backend.ts'
import { awaitSocket } from '../../../balancer/queue/socket-queue.ts'
import type { Waiter } from '../../../balancer/queue/waiter.ts'
import type { BackendAddress } from '../../../config/model/model.ts'
import { contain, guarded, soon } from '../../../core/containment.ts'
import type { Waits } from '../../../core/deadlines.ts'
import { Roster } from '../../../core/roster.ts'
import { dial } from '../../../net/dial/dial.ts'
import { dialFailure, type DialFailure } from '../../../net/dial/dial-failure.ts'
import { connectReason } from '../../../net/tls/tls-reason.ts'
import { threadLookup, type Lookup } from '../../../net/dial/lookup.ts'
import type { Outgoing } from '../../forward/forward-owner.ts'
import type { UpstreamClient } from '../../forward/upstream-client.ts'
import type { UpstreamStream, UpstreamTimes } from '../../forward/upstreams.ts'
import { Lifetime, type UpstreamGauges } from '../../http1/client/resting.ts'
import { NameWatch } from '../../http1/client/name-watch.ts'
import type { UpstreamDeps, UpstreamSettings } from '../../http1/client/upstream-pool.ts'
import { ClientConnection, type ConnectionPlace } from './client-connection.ts'
import { ClientStream, type StreamLine } from './client-stream.ts'

type Waiting = ClientStream & { place?: number }

const byPlace = {
  get: ({ place }: Waiting) => place,
  set: (stream: Waiting, at: number) => {
    stream.place = at
  }
}

/**
 * The HTTP/2 connections of this thread to one backend. A request uses the first one that has room; when none has,
 * another is opened. Sockets are counted against maxConnections over all threads.
 */
export class BackendStreams implements ConnectionPlace, StreamLine {
  readonly #deps: UpstreamDeps
  readonly #lookup: Lookup
  readonly #names: NameWatch | undefined
  readonly #gauges: UpstreamGauges
  #settings: UpstreamSettings
  readonly #connections = new Set<ClientConnection>()
  /** Requests that wait for a stream, and connections that are being opened for them. */
  readonly #waiting = new Roster<Waiting>(byPlace)
  readonly #dialling = new Set<ClientConnection>()
  #socketWait: Waiter | undefined
  #retired = false

  constructor(
    deps: UpstreamDeps,
    address: BackendAddress,
    gauges: UpstreamGauges,
    settings: UpstreamSettings
  ) {
    const { lookup = threadLookup() } = deps
    this.#deps = deps
    this.#lookup = lookup
    this.#gauges = gauges
    this.#settings = settings
    this.#names =
      address.kind === 'tcp' && isIP(address.host) === 0
        ? new NameWatch(address.host, lookup, () => this.#dropMoved())
        : undefined
  }

  open(backend: Backend, request: Outgoing, times: UpstreamTimes, client: UpstreamClient): UpstreamStream {
    this.#names?.used(this.now)
    const stream = new ClientStream(this, request, times, client)
    const connection = this.#roomy(request)
    if (connection !== undefined && connection.refusal(request) === undefined) {
      connection.begin(stream)
      return stream
    }
    this.#waiting.add(stream)
    stream.wait()
    if (connection !== undefined) soon(() => this.roomier(connection))
    else this.#make(backend, times.connectMs)
    return stream
  }

  update(settings: UpstreamSettings): void {
    this.#settings = settings
    this.#retired = false
  }

  /** The backend is no longer in the configuration: connections close after their last response. */
  retire(): void {
    this.#retired = true
    this.leaveIdle()
  }

  /** No connection that is there gets another stream; each closes in order once it is idle. */
  leaveIdle(): void {
    for (const connection of this.#connections) if (connection.connected) connection.part()
  }

  destroyIdle(): void {
    this.#retired = true
    for (const connection of this.#connections) {
      if (connection.idle) connection.close()
      else connection.part()
    }
  }

  /** Closes an idle connection so that another thread can open one. */
  shed(): boolean {
    for (const connection of this.#connections) {
      if (!connection.idle || !connection.connected) continue
      connection.part()
      return true
    }
    return false
  }

  // Called by streams and connections (StreamLine, ConnectionPlace).

  get now(): number {
    return this.#deps.deadlines.now
  }

  get keepAliveMs(): number {
    return this.#settings.config.timeouts.keepAliveMs
  }

  watch(waits: Waits): void {
    this.#deps.deadlines.add(waits)
  }

  unwatch(waits: Waits): void {
    this.#deps.deadlines.remove(waits)
  }

  leave(stream: ClientStream): void {
    this.#waiting.delete(stream)
  }

  connected(connection: ClientConnection): void {
    this.#dialling.delete(connection)
    this.turned(connection, false)
    this.roomier(connection)
    if (this.#waiting.size > 0) this.#make(connection.backend, 0)
    if (this.#retired) connection.part()
  }

  connectFailed(connection: ClientConnection, error: NodeJS.ErrnoException | undefined): void {
    if (!this.#closed(connection) || this.#dialling.size > 0) return
    // Requests that now wait for a stream of another connection are not affected: that one still serves.
    const failure = dialFailure(error, false)
    this.#failWaiting(failure, connectReason(error))
  }

  turned(connection: ClientConnection, busy: boolean): void {
    if (connection.busy === busy) return
    connection.busy = busy
    this.#gauges.busy.add(busy ? 1 : -1)
    this.#gauges.idle.add(busy ? -1 : 1)
  }

  /** Whether one more idle connection is kept; the one in question is counted already. */
  get keepsIdle(): boolean {
    let idle = 0
    for (const each of this.#connections) if (each.idle && each.connected && each.room > 0) idle++
    return idle <= this.#settings.config.connections.maxIdle
  }

  roomier(connection: ClientConnection): void {
    this.#waiting.forEach((stream) => {
      if (connection.room <= 0) return false
      if (!connection.takes(stream.request)) return true
      this.#waiting.delete(stream)
      try {
        const refusal = connection.refusal(stream.request)
        if (refusal !== undefined) {
          stream.notOpened(UNABLE, refusal)
          return true
        }
        connection.begin(stream)
        stream.opened()
        return true
      } catch (error) {
        // Told now, since it waits no more; what was sent of it on the connection is in doubt.
        contain(error, stream)
        connection.close()
        return false
      }
    })
  }

  gone(connection: ClientConnection): void {
    if (!this.#closed(connection) || this.#waiting.size === 0) return
    this.#make(connection.backend, this.#settings.config.timeouts.connectMs)
  }

  /** False when it has been counted out before. */
  #closed(connection: ClientConnection): boolean {
    if (!this.#connections.delete(connection)) return false
    this.#dialling.delete(connection)
    const { idle, busy } = this.#gauges
    ;(connection.busy ? busy : idle).add(-1)
    connection.backend.closed()
    return true
  }

  #roomy(request: Outgoing): ClientConnection | undefined {
    for (const connection of this.#connections) {
      if (connection.takes(request)) return connection
      // Spent or told to go: it closes with its last stream.
    }
    return undefined
  }

  /** Opens a connection, unless enough are being opened already. */
  #make(backend: Backend, connectMs: number): void {
    if (this.#dialling.size * STREAMS_PER_DIAL >= this.#waiting.size || this.#socketWait !== undefined) return
    const timeoutMs = connectMs === 0 ? this.#settings.config.timeouts.connectMs : connectMs
    if (backend.tryOpen()) return this.#dial(backend, timeoutMs)
    this.#socketWait = awaitSocket(backend, this.#deps.clock, timeoutMs, (opened) => {
      this.#socketWait = undefined
      if (opened && this.#waiting.size > 0) this.#dial(backend, timeoutMs)
      else if (opened) backend.closed()
    })
  }

  #dial(backend: Backend, timeoutMs: number): void {
    const { config, tls } = this.#settings
    const lifetime = new Lifetime(config.connections, this.now, this.#deps.random)
    const connection = new ClientConnection(this, backend, lifetime)
    this.#dialling.add(connection)
    this.#gauges.busy.add(1)
    this.#connections.add(connection)
    const options = {
      connectTimeoutMs: timeoutMs,
      deadlines: this.#deps.deadlines,
      lookup: this.#lookup,
      source: config.source,
      ...(tls === undefined ? {} : { tls })
    }
    connection.attach(dial(backend.address, options, connection))
    // Counted even where `onClose` threw. Assigned to a variable first: see docs/discoveries/functions-born-old.md.
    const closed = (): void => connection.closed(undefined)
    connection.transport.whenClosed = closed
  }

  #failWaiting(failure: DialFailure, reason: string): void {
    const all = this.#waiting.toArray()
    for (const stream of all) this.#waiting.delete(stream)
    // If one throws, the others are still told.
    for (const stream of all) guarded(() => stream.notOpened(failure, reason))
  }

  /** The backend's name has new addresses: closes connections to the old ones after their last response. */
  #dropMoved(): void {
    for (const connection of this.#connections) {
      if (connection.connected && this.#names?.has(connection.transport.remote?.address) === false) {
        connection.part()
      }
    }
  }
}

const UNABLE: DialFailure = { code: 'LB_UPSTREAM_PROTOCOL', outcome: 'unused' }

/** Streams that a connection being opened is expected to carry. */
const STREAMS_PER_DIAL = 100
