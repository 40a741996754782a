import { closeTies } from './forward/client-ties.ts'
import type { HttpProtocol } from '../config/model/model.ts'
import type { Clock } from '../core/clock.ts'
import type { Deadlines } from '../core/deadlines.ts'
import { Roster } from '../core/roster.ts'
import type { Logger } from '../core/log/log.ts'
import { LogThrottle } from '../core/log/log-throttle.ts'
import type { Counter, Gauge, Metrics } from '../core/metrics/metrics.ts'
import type { Random } from '../core/random.ts'
import type { Admission } from '../net/admission/gate.ts'
import type { TlsFacts } from '../net/tls/tls-facts.ts'
import type { TlsServer } from '../net/tls/tls-server.ts'
import type { Attach } from '../net/transport/accept.ts'
import { nobody, type Transport, type TransportOwner } from '../net/transport/transport.ts'
import { compilePieces, compileSnapshot, type L7SnapshotInput } from './compile/compile.ts'
import { clientPlaces, type Ends } from './exchange/client/client-connection.ts'
import type { DownstreamStream } from './exchange/downstream-stream.ts'
import type { EngineContext, L7Deps } from './exchange/engine-context.ts'
import { ExchangeCounts } from './exchange-counts.ts'
import { beginExchange, type Exchange } from './exchange/exchange.ts'
import { dateLine } from './headers/date-line.ts'
import { errorAnswer } from './headers/error-answer.ts'
import { cdnLoopLine, viaLine, viaPseudonym } from './headers/via.ts'
import { DownstreamConnection } from './http1/server/downstream-connection.ts'
import type { DownstreamHost } from './http1/server/downstream-host.ts'
import { readablePart } from './http1/parse/readable-part.ts'
import { Entrance, type EntranceHost } from './http1/server/entrance.ts'
import { Http2Metrics } from './http2/server/http2-metrics.ts'
import type { Http2Host } from './http2/server/http2-host.ts'
import { Offenders } from './http2/server/offenders.ts'
import { PrefaceDoor, type PrefaceHost } from './http2/server/preface-door.ts'
import { ServerConnection } from './http2/server/server-connection.ts'
import { TlsDoor, type DoorHost } from './http1/server/tls-door.ts'
import { Refusals } from './refusals.ts'
import { UNREADABLE } from './message/request.ts'
import type { L7Snapshot } from './compile/l7-snapshot.ts'

/** One per process, so that a loop through several workers is seen too; the runtime may set it. */
const pseudonym = viaPseudonym()

type ClientSide = DownstreamConnection | ServerConnection | PrefaceDoor

/** What a connection speaks; `preface`: its first bytes will tell. */
function versionOf(protocols: readonly HttpProtocol[], tls: TlsFacts | undefined): HttpProtocol | 'preface' {
  if (protocols.length === 1) return protocols[0]!
  if (tls === undefined) return 'preface'
  return tls.alpn === 'h2' ? 'h2' : 'http/1.1'
}

/** One L7 listener's connections and the snapshot by which they are served, on one thread. */
export class L7Engine
  implements DownstreamHost, EngineContext, EntranceHost, DoorHost, Http2Host, PrefaceHost
{
  readonly clock: Clock
  readonly random: Random
  readonly deadlines: Deadlines
  readonly log: Logger
  readonly throttle: LogThrottle
  readonly metrics: Metrics
  readonly challenges: L7Deps['challenges']
  readonly pseudonym: string
  readonly viaLine: string
  readonly viaLine2: string
  readonly loopLine: string
  readonly bytesIn: Counter
  readonly bytesOut: Counter
  snapshot: L7Snapshot
  readonly counts: ExchangeCounts
  readonly http2: Http2Metrics
  readonly offenders = new Offenders()
  readonly #connections = new Roster<ClientSide>(clientPlaces)
  readonly #accepted: Counter
  readonly #open: Gauge
  readonly #door: TlsDoor
  readonly refusals: Refusals
  /** What its connections need of it: a request calls nothing of this class. */
  readonly context: EngineContext = this
  readonly dry = false
  readonly begin = beginExchange
  /** Written by `drain` and `destroy` only. */
  draining = false

  constructor(deps: L7Deps, input: L7SnapshotInput, name = pseudonym) {
    this.clock = deps.clock
    this.random = deps.random
    this.deadlines = deps.deadlines
    this.log = deps.log
    this.throttle = new LogThrottle(deps.log, deps.clock, deps.deadlines)
    this.metrics = deps.metrics
    this.challenges = deps.challenges
    this.pseudonym = name
    this.viaLine = viaLine('1.1', name)
    this.viaLine2 = viaLine('2.0', name)
    this.loopLine = cdnLoopLine(name)
    this.#door = new TlsDoor(this, deps.deadlines)
    const listener = input.config.name
    this.bytesIn = deps.metrics.counter('lb_bytes_total', { listener, direction: 'in' })
    this.bytesOut = deps.metrics.counter('lb_bytes_total', { listener, direction: 'out' })
    this.#accepted = deps.metrics.counter('lb_connections_total', { listener })
    this.#open = deps.metrics.gauge('lb_connections_open', { listener })
    this.counts = new ExchangeCounts(deps.metrics, listener)
    this.refusals = new Refusals({ ...deps, throttle: this.throttle, counts: this.counts }, listener)
    this.http2 = new Http2Metrics(deps.metrics, listener)
    this.snapshot = compileSnapshot(input, this)
  }

  /** Compiles without applying, so that a reload can fail before it changes anything. */
  compile(input: L7SnapshotInput): Generator<void, L7Snapshot> {
    return compilePieces(input, this)
  }

  /** Used from the next exchange on; exchanges in flight keep their snapshot. */
  apply(snapshot: L7Snapshot): void {
    this.snapshot = snapshot
  }

  accept(attach: Attach): void {
    this.#accepted.add()
    const { gate, tls } = this.snapshot
    if (gate !== undefined) new Entrance(this, gate, attach)
    else if (tls === undefined) this.#take(attach, undefined, undefined)
    else this.#secure(tls, attach(nobody, true), undefined, undefined, undefined)
  }

  #secure(
    tls: TlsServer,
    transport: Transport,
    admission: Admission | undefined,
    ends: Ends | undefined,
    rest: Buffer | undefined
  ): void {
    this.#door.secure(
      tls,
      transport,
      rest,
      ends?.source,
      (secured) => this.#take(attachTo(secured), admission, ends, secured.tls),
      () => admission?.leave()
    )
  }

  #take(
    attach: (owner: TransportOwner) => Transport,
    admission: Admission | undefined,
    ends: Ends | undefined,
    tls?: TlsFacts
  ): ClientSide {
    this.#open.add(1)
    return this.#make(versionOf(this.snapshot.config.protocols, tls), attach, admission, ends)
  }

  /** The connection is already counted; when it cannot be set up, the count is taken back. */
  #make(
    version: HttpProtocol | 'preface',
    attach: (owner: TransportOwner) => Transport,
    admission: Admission | undefined,
    ends: Ends | undefined
  ): ClientSide {
    let connection: ClientSide
    try {
      connection = this.#construct(version, attach, admission, ends)
    } catch (error) {
      this.#open.add(-1)
      admission?.leave()
      throw error
    }
    this.#connections.add(connection)
    if (this.draining) connection.drain()
    return connection
  }

  #construct(
    version: HttpProtocol | 'preface',
    attach: (owner: TransportOwner) => Transport,
    admission: Admission | undefined,
    ends: Ends | undefined
  ): ClientSide {
    switch (version) {
      case 'http/1.1':
        return new DownstreamConnection(this, attach, admission, ends)
      case 'h2':
        return new ServerConnection(this, attach, admission, ends)
      case 'preface':
        return new PrefaceDoor(this, attach, admission, ends)
    }
  }

  // PrefaceHost.

  get doorTimes(): { readonly idleMs: number; readonly firstMs: number } {
    const { keepAliveMs, requestHeadersMs } = this.snapshot.config.timeouts
    return { idleMs: keepAliveMs, firstMs: requestHeadersMs }
  }

  decided(door: PrefaceDoor, protocol: HttpProtocol, buffer: Buffer, start: number, end: number): void {
    this.#connections.delete(door)
    const connection = this.#make(protocol, attachTo(door.transport), door.client.admission, door.ends)
    connection.onData(buffer, start, end)
  }

  // EntranceHost.

  get headerMs(): number {
    return this.snapshot.config.timeouts.requestHeadersMs
  }

  admitted(transport: Transport, admission: Admission, ends: Ends | undefined, rest?: Buffer): void {
    const { tls } = this.snapshot
    if (tls !== undefined) return this.#secure(tls, transport, admission, ends, rest)
    const connection = this.#take(attachTo(transport), admission, ends)
    if (rest !== undefined) connection.onData(rest, 0, rest.length)
  }

  clearTextAnswer(): string {
    const { status, fields, body } = errorAnswer('LB_CLEAR_TEXT', { requestId: '', accept: undefined })
    this.counts.answered('LB_CLEAR_TEXT', status)
    const framing = `Content-Length: ${body.length}\r\nConnection: close\r\n\r\n`
    return `HTTP/1.1 ${status} Bad Request\r\n${dateLine()}${fields}${framing}${body}`
  }

  get connections(): number {
    return this.#connections.size + this.#door.size
  }

  /** Age of the oldest connection in ms, 0 without one. */
  oldestMs(now: number): number {
    const { first } = this.#connections
    return first === undefined ? 0 : now - first.acceptedAt
  }

  /** Idle connections close now, busy ones after the current response. Tunnels stay until `destroy`. */
  drain(): void {
    this.draining = true
    for (const connection of this.#connections.toArray()) connection.drain()
  }

  /** Closes everything at once. */
  destroy(): void {
    this.draining = true
    this.#door.destroy()
    for (const connection of this.#connections.toArray()) connection.destroy()
  }

  // DownstreamHost.

  unreadable(downstream: DownstreamStream, head?: Buffer): Exchange {
    const request = head === undefined ? UNREADABLE : readablePart(head)
    const exchange = beginExchange(request, downstream, this)
    exchange.clientIp = downstream.client.peer
    return exchange
  }

  closed(connection: ClientSide): void {
    if (!this.#connections.delete(connection)) return
    this.deadlines.remove(connection)
    this.#open.add(-1)
    connection.client.admission?.leave()
    closeTies(connection.client)
  }
}

/** Hands an accepted connection to the class that serves it. */
function attachTo(transport: Transport): (owner: TransportOwner) => Transport {
  return (owner) => {
    transport.owner = owner
    return transport
  }
}
