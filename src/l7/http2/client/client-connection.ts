import type { Waits } from '../../../core/deadlines.ts'
import type { Backend } from '../../../balancer/pool/backend.ts'
import type { Transport, TransportOwner } from '../../../net/transport/transport.ts'
import type { Lifetime } from '../../http1/client/resting.ts'
import type { UpstreamHead } from '../../http1/parse/response-parser.ts'
import type { Outgoing } from '../../forward/forward-owner.ts'
import type { Stream } from '../session/stream/stream.ts'
import { TransportWriter } from '../session/send/transport-writer.ts'
import { atEndOfTurn, type Flushes } from '../../../core/end-of-turn.ts'
import { ClientSession, type ClientSessionHost } from './client-session.ts'
import type { ClientStream } from './client-stream.ts'
import { requestLines } from './request-lines.ts'

/** Concurrent streams before the backend has sent its limit, and the most that are used. */
const FIRST_STREAMS = 100
const MAX_STREAMS = 256
/** An idle connection gets a PING this often, and has the same time to answer it. */
const PING_MS = 20_000
const PONG_MS = 5_000
const PARTING_MS = 1_000

/** What a connection needs from its pool. */
export interface ConnectionPlace {
  readonly now: number
  readonly keepAliveMs: number
  /** False when there are more idle connections than are kept. */
  readonly keepsIdle: boolean
  watch(waits: Waits): void
  unwatch(waits: Waits): void
  connected(connection: ClientConnection): void
  connectFailed(connection: ClientConnection, error: NodeJS.ErrnoException | undefined): void
  /** It became busy with its first request, or idle after its last. */
  turned(connection: ClientConnection, busy: boolean): void
  /** It can take another stream now. */
  roomier(connection: ClientConnection): void
  gone(connection: ClientConnection): void
}

/** One HTTP/2 connection to a backend, shared by the requests of this thread. */
export class ClientConnection implements TransportOwner, ClientSessionHost, Waits, Flushes {
  readonly backend: Backend
  readonly session: ClientSession
  deadline = Infinity
  /** Requests whose response has begun. */
  served = 0
  /** Why it ended, for the log. */
  endReason = 'closed'
  /**
   * Whether it counts as busy; written by its pool. The owner of its last stream may begin another one before the pool
   * hears that the stream has ended.
   */
  busy = true
  #transport!: Transport
  #writer!: TransportWriter
  readonly #place: ConnectionPlace
  readonly #lifetime: Lifetime
  #begun = 0
  #connected = false
  #reading = false
  #gathered = false
  #closing = false
  #idleSince = 0
  #asked = false
  /** A request got no answer in time: no more requests are sent until a PING is answered. */
  #suspect = false
  /** Requests that waited for its SETTINGS have been resumed. */
  #roomAnnounced = false
  /** It has been counted out. */
  #gone = false

  constructor(place: ConnectionPlace, backend: Backend, lifetime: Lifetime) {
    this.#place = place
    this.backend = backend
    this.#lifetime = lifetime
    this.session = new ClientSession(this)
  }

  attach(transport: Transport): void {
    this.#transport = transport
    this.#writer = new TransportWriter(transport, this.session.out)
  }

  get transport(): Transport {
    return this.#transport
  }

  /** Streams that may be opened now. */
  get room(): number {
    const { session } = this
    if (!this.#connected || this.#closing || session.goingAway || this.#transport.closed) return 0
    if (this.#suspect) return 0
    if (this.#lifetime.isOver(this.#begun, this.#place.now)) return 0
    const max = session.settled ? Math.min(session.peer.maxConcurrentStreams, MAX_STREAMS) : FIRST_STREAMS
    return max - session.streams.size
  }

  /** Whether it takes this request now. A tunnel waits until the backend's SETTINGS say whether it supports tunnels. */
  takes({ upgrade }: Outgoing): boolean {
    return this.room > 0 && (upgrade === '' || this.session.settled)
  }

  /** Why a request that it would take cannot be sent; undefined when it can. */
  refusal({ upgrade }: Outgoing): string | undefined {
    const known = upgrade === '' || this.session.peer.enableConnectProtocol
    return known ? undefined : 'the backend does not support tunnels over HTTP/2 (RFC 8441)'
  }

  get idle(): boolean {
    return this.session.streams.size === 0
  }

  get connected(): boolean {
    return this.#connected
  }

  /** Sends the head of a request on a new stream. */
  begin(one: ClientStream): void {
    const { request } = one
    if (!this.busy) this.#place.turned(this, true)
    const lines = requestLines(request, this.#transport.secure ? 'https' : 'http')
    const ends = request.bodyLength === 0 && request.upgrade === ''
    const stream = this.session.request(lines, ends, request.method === 'HEAD')
    this.#begun++
    this.deadline = Infinity
    this.#asked = false
    one.use(this, stream)
    this.wake()
  }

  /** A request got no answer in time: checks with a PING whether the backend is slow or gone. */
  doubt(): void {
    if (this.#suspect || !this.#connected || this.#closing) return
    this.#suspect = this.#asked = true
    this.session.ping()
    this.deadline = this.#place.now + PONG_MS
  }

  /** Closes it once its streams have ended. */
  part(): void {
    this.#closing = true
    if (!this.idle || !this.#connected) return this.#connected ? undefined : this.close()
    this.deadline = this.#place.now + PARTING_MS
    this.#transport.end()
  }

  close(): void {
    this.#closing = true
    this.#transport.destroy()
  }

  // Called by the transport (TransportOwner).

  onConnect(): void {
    const { tls } = this.#transport
    if (this.#transport.secure && tls !== undefined && tls.alpn !== 'h2') {
      const error: NodeJS.ErrnoException = new Error('the backend did not agree on h2 (ALPN)')
      error.code = 'ERR_TLS_ALPN'
      return this.#transport.destroy(error)
    }
    this.#connected = true
    this.session.start()
    this.#place.watch(this)
    this.wake()
    this.#rest()
    this.#place.connected(this)
  }

  onData(buffer: Buffer, start: number, end: number): void {
    this.session.now = this.#place.now
    this.#reading = true
    this.session.receive(buffer, start, end)
    this.#reading = false
    if (this.#asked) this.#answered()
    if (!this.#roomAnnounced && this.session.settled) {
      this.#roomAnnounced = true
      this.#place.roomier(this)
    }
    this.flushTurn()
  }

  onEnd(): void {
    this.endReason = 'closed by the backend'
    this.close()
  }

  onDrain(): void {
    this.#writer.drained()
    if (!this.#writer.blocked) this.flushTurn()
  }

  onClose(error: NodeJS.ErrnoException | undefined): void {
    this.#closing = true
    if (error !== undefined) this.endReason = error.code ?? error.message
    this.#place.unwatch(this)
    this.#writer.drop()
    this.closed(error)
  }

  /** Counts it out and ends its streams. Also called where `onClose` threw: what is done already is not repeated. */
  closed(error: NodeJS.ErrnoException | undefined): void {
    this.#gone = true
    this.#place.unwatch(this)
    if (this.#connected) this.#place.gone(this)
    else this.#place.connectFailed(this, error)
    this.session.abandon()
  }

  onDeadline(): void {
    if (!this.idle && !this.#suspect) return
    const { now, keepAliveMs } = this.#place
    if (this.#closing || this.#asked) {
      this.endReason = this.session.settled ? 'did not answer a PING' : 'sent no SETTINGS'
      return this.close()
    }
    if (now - this.#idleSince >= keepAliveMs) return this.part()
    this.#asked = true
    this.session.ping()
    this.deadline = now + PONG_MS
  }

  onInternalError(): undefined {
    this.#reading = false
    this.close()
  }

  // Called by the session (ClientSessionHost).

  onHead(stream: Stream, head: UpstreamHead): void {
    if (head.status >= 200) this.served++
    ;(stream.handler as ClientStream | undefined)?.onHead(head)
  }

  onGoaway(): void {
    if (this.idle) this.part()
    else this.#closing = true
  }

  onPong(): void {
    this.#answered()
  }

  wake(): void {
    if (this.#gathered || this.#reading) return
    this.#gathered = true
    atEndOfTurn(this)
  }

  onOver(): void {
    this.#closing = true
    this.deadline = this.#place.now + PARTING_MS
    this.wake()
  }

  onReset(): void {}

  onStreamClosed(): void {
    if (this.idle && !this.#gone) {
      const { now } = this.#place
      this.#idleSince = now
      this.#place.turned(this, false)
      const spent = this.#closing || this.session.goingAway || this.#lifetime.isOver(this.#begun, now)
      if (spent || !this.#place.keepsIdle) this.part()
      else this.#rest()
    }
    this.#place.roomier(this)
  }

  flushTurn(): void {
    this.#gathered = false
    const { session } = this
    if (!this.#connected) return
    while (this.#writer.flush() && !this.#transport.closed) {
      session.written()
      if (session.out.bytes === 0) break
    }
    if (session.over && !this.#writer.blocked) this.#transport.end()
  }

  /** Bytes came, so the backend is there. */
  #answered(): void {
    const doubted = this.#suspect
    this.#asked = this.#suspect = false
    this.deadline = Infinity
    this.#rest()
    if (doubted) this.#place.roomier(this)
  }

  #rest(): void {
    if (!this.idle || this.#closing || this.#suspect) return
    const { now, keepAliveMs } = this.#place
    if (this.#idleSince === 0) this.#idleSince = now
    // RFC 9113 §3.4: the first that a server sends is SETTINGS. One that has said nothing yet is asked already.
    this.#asked = !this.session.settled
    this.deadline = Math.min(now + (this.#asked ? PONG_MS : PING_MS), this.#idleSince + keepAliveMs)
  }
}
