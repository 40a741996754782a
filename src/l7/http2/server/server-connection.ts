import type { SpliceOptions } from '../../../l4/tcp/splice.ts'
import type { L7ListenerConfig } from '../../../config/model/model.ts'
import type { Waits } from '../../../core/deadlines.ts'
import type { Admission } from '../../../net/admission/gate.ts'
import type { Transport, TransportOwner } from '../../../net/transport/transport.ts'
import { AcceptedClient } from '../../exchange/client/accepted-client.ts'
import type { ClientConnection, Ends } from '../../exchange/client/client-connection.ts'
import { DRAIN_MS, LINGER_MS } from '../../exchange/client/patience.ts'
import { parseFailure } from '../../http1/parse/parse-failure.ts'
import type { HeadLimits } from '../../http1/parse/request-parser.ts'
import type { Request } from '../../message/request.ts'
import { ENHANCE_YOUR_CALM, errorName, SETTINGS_TIMEOUT } from '../frames/codes.ts'
import type { ClosedBy, Stream } from '../session/stream/stream.ts'
import { TransportWriter } from '../session/send/transport-writer.ts'
import { atEndOfTurn, type Flushes } from '../../../core/end-of-turn.ts'
import type { Http2Host } from './http2-host.ts'
import { HoldBack } from './hold-back.ts'
import { ReadSlices, type Sliced } from './read-slices.ts'
import { ServerSession, type ServerSessionHost } from './server-session.ts'
import { ServerStream } from './server-stream.ts'

/** Interval of checks whether a client that has sent FIN is still there. */
const LOOK_MS = 250

/** A client's HTTP/2 connection: puts a ServerSession on a transport. */
export class ServerConnection implements TransportOwner, ServerSessionHost, Waits, Flushes, Sliced {
  readonly client: ClientConnection
  readonly transport: Transport
  readonly acceptedAt: number
  readonly session: ServerSession
  readonly holdBack: HoldBack
  deadline: number
  readonly #host: Http2Host
  readonly #writer: TransportWriter
  readonly #slices: ReadSlices
  #gathered = false
  /** The deadline of an unfinished frame is set already. */
  #inFrame = true
  #draining = false
  /** Nothing more is read. Written here only. */
  closing = false
  /** Checks left whether a client that has sent FIN is still there; -1: it has not. */
  #looks = -1
  /** When an idle connection closes; PING and other frames do not postpone it. 0: there was a request since. */
  #idleUntil = 0

  constructor(
    host: Http2Host,
    attach: (owner: TransportOwner) => Transport,
    admission: Admission | undefined,
    ends: Ends | undefined
  ) {
    this.#host = host
    this.transport = attach(this)
    this.client = new AcceptedClient(this.transport, admission, ends, true)
    this.session = new ServerSession(this, host.snapshot.config.http2.maxStreams)
    this.#slices = new ReadSlices(this.transport, this.session, this)
    this.holdBack = new HoldBack(host, this.client.peer, this.session, this.#slices)
    this.#writer = new TransportWriter(this.transport, this.session.out)
    this.acceptedAt = this.now
    this.deadline = this.now + this.times.requestHeadersMs
    host.context.deadlines.add(this)
    this.session.start()
    this.wake()
  }

  get draining(): boolean {
    return this.#draining
  }

  get now(): number {
    return this.#host.context.deadlines.now
  }

  get idleMs(): number {
    return this.times.idleMs
  }

  get times(): L7ListenerConfig['timeouts'] {
    return this.#host.snapshot.config.timeouts
  }

  /** True while bytes are read; `onReadDone` of the streams follows. */
  get reading(): boolean {
    return this.#slices.reading
  }

  get limits(): HeadLimits {
    return this.#host.snapshot.config.limits
  }

  /** RFC 9113 §6.8: a GOAWAY that refuses nothing; once the client must have it, one with the last stream's id. */
  drain(): void {
    if (this.#draining || this.session.over) return
    this.#draining = true
    this.session.announceGoaway()
    this.deadline = this.now + DRAIN_MS
  }

  destroy(): void {
    this.transport.destroy()
  }

  onInternalError(): string {
    this.#slices.drop()
    this.closing = true
    try {
      this.session.abandon()
    } finally {
      this.transport.destroy()
      if (this.transport.closed) this.#host.closed(this)
    }
    return this.#host.snapshot.config.name
  }

  // Called by the transport (TransportOwner).

  onData(buffer: Buffer, start: number, end: number): void {
    if (!this.closing) this.#slices.take(buffer, start, end)
  }

  onSlice(): void {
    this.flushTurn()
    this.#rest()
  }

  onEnd(): void {
    if (this.#slices.keepsEnd()) return
    if (!this.closing) this.session.peerEnded()
    if (!this.closing && this.session.streams.size > 0) {
      this.#looks = 2
      this.deadline = this.now + LOOK_MS
      return
    }
    this.transport.end()
    this.session.abandon()
    this.closing = true
    this.deadline = this.now + LINGER_MS
  }

  onDrain(): void {
    this.#writer.drained()
    if (this.#writer.blocked) this.deadline = this.#writer.readBy(this.now + this.idleMs)
    else this.onSlice()
  }

  onClose(): void {
    this.#host.context.deadlines.remove(this)
    this.transport.countBytes(this.#host.context)
    this.holdBack.closed(!this.closing && !this.#draining)
    this.closing = true
    this.session.abandon()
    this.#host.http2.glitches.add(this.session.glitches.count)
    this.#writer.drop()
    this.#slices.drop()
    this.#host.closed(this)
  }

  onDeadline(): void {
    if (this.closing || this.#writer.blocked) return this.transport.destroy()
    if (this.#looks >= 0) return this.#look()
    if (this.#draining) {
      this.session.goaway()
      this.flushTurn()
      return this.#rest()
    }
    if (!this.session.settled) this.session.fail(SETTINGS_TIMEOUT, 'no preface and SETTINGS in time')
    else if (this.session.withinFrame) this.session.fail(ENHANCE_YOUR_CALM, 'no complete frame in time')
    else if (this.session.streams.size === 0) {
      this.session.goaway()
      this.#close()
    }
  }

  /** A client that is gone answers a PING with a reset, and the next write fails. */
  #look(): void {
    if (this.#looks === 0) return
    this.session.ping()
    this.deadline = --this.#looks > 0 ? this.now + LOOK_MS : Infinity
  }

  // Called by the session (ServerSessionHost).

  onStreamOpened(): void {
    this.#host.http2.streams.add(1)
  }

  onRequest(stream: Stream, request: Request): void {
    const served = new ServerStream(this, stream, request.upgrade !== '')
    const exchange = this.#host.begin(request, served, this.#host)
    served.serve(exchange)
    exchange.run()
  }

  onBadRequest(stream: Stream, failure: number): void {
    const { code, reason } = parseFailure(failure)
    const served = new ServerStream(this, stream)
    const exchange = this.#host.unreadable(served)
    served.serve(exchange)
    exchange.fail(code, reason)
  }

  onClientGoaway(): void {
    this.#draining = true
  }

  wake(): void {
    if (this.#gathered || this.reading) return
    this.#gathered = true
    atEndOfTurn(this)
  }

  onOver(code: number, reason: string): void {
    const { context, http2 } = this.#host
    http2.connectionError(code)
    this.holdBack.failed(code)
    context.log.debug(
      { listener: this.#host.snapshot.config.name, client: this.client.peer, code: errorName(code) },
      `HTTP/2 connection ended: ${reason}`
    )
    this.#close()
  }

  onReset(code: number, by: ClosedBy | 'us'): void {
    this.#host.http2.reset(code, by)
  }

  onStreamClosed(): void {
    this.#host.http2.streams.add(-1)
    this.transport.countBytes(this.#host.context)
    this.#idleUntil = 0
    if (!this.reading) this.#rest()
  }

  flushTurn(): void {
    this.#gathered = false
    const { session } = this
    while (this.#writer.flush() && !this.transport.closed) {
      // Data that waited in streams may be sent now.
      session.written()
      if (session.out.bytes === 0) break
    }
    if (this.#writer.blocked) this.deadline = this.#writer.readBy(this.now + this.idleMs)
    else if (this.closing) this.transport.end()
  }

  // Called by the streams.

  /** `waits` has a deadline from now on. */
  watch(waits: Waits): void {
    this.#host.context.deadlines.add(waits)
  }

  /** The exchange of a stream is over. */
  settle(waits: Waits, _stream: Stream): void {
    waits.deadline = Infinity
    this.#host.context.deadlines.remove(waits)
  }

  /** The connection counts the bytes of its tunnels itself. */
  get tunnelOptions(): SpliceOptions {
    const { tunnelMs, idleMs } = this.#host.snapshot.config.timeouts
    return { deadlines: this.#host.context.deadlines, idleMs: tunnelMs, halfCloseMs: idleMs }
  }

  /** Sets the deadline for what the connection waits for now. */
  #rest(): void {
    if (this.closing || this.#writer.blocked) return
    const { session } = this
    if (this.#looks >= 0) return session.streams.size === 0 ? this.#close() : undefined
    if (session.withinFrame || !session.settled) {
      // Set once, so that bytes that trickle in gain no time.
      if (!this.#inFrame) this.deadline = this.now + this.times.requestHeadersMs
      this.#inFrame = true
      return
    }
    this.#inFrame = false
    if (session.streams.size > 0) {
      this.deadline = this.#draining && !session.goingAway ? this.deadline : Infinity
    } else if (this.#draining) {
      if (session.goingAway) this.#close()
    } else {
      if (this.#idleUntil === 0) this.#idleUntil = this.now + this.#host.snapshot.config.http2.idleMs
      this.deadline = this.#idleUntil
    }
  }

  /** Closes so that the client can read what is on its way. */
  #close(): void {
    if (this.closing) return
    this.closing = true
    this.deadline = this.now + LINGER_MS
    this.wake()
  }
}
