import type { Backend } from '../../../balancer/pool/backend.ts'
import type { Waits } from '../../../core/deadlines.ts'
import type { Transport, TransportOwner } from '../../../net/transport/transport.ts'
import type { UpstreamFailure } from '../../forward/upstream-client.ts'
import { dropConnectionNamed } from '../../headers/hop-by-hop.ts'
import { requestHead, Line, type Sent, type SentConnection } from './sent.ts'
import { BodyWriter } from '../write/message-writer.ts'
import { parseFailure } from '../parse/parse-failure.ts'
import { ResponseReader, type ResponseEvents } from './response-reader.ts'
import type { UpstreamHead } from '../parse/response-parser.ts'
import { authenticatesConnection, ClientTies, type Tied, type TieHolder } from '../../forward/client-ties.ts'
import type { ConnectionKeeper } from './connection-keeper.ts'
import { PARTING_MS, type Lifetime } from './resting.ts'
import { isAnswerTo } from '../../message/upgrade-protocols.ts'

/**
 * One connection to a backend. Responses come in the order in which the requests were sent (RFC 9112 §9.3.2); there is
 * one request at a time, or up to `pipelining` that have no body and may be repeated. After any doubt about the framing
 * the connection is closed, so a response can never reach another request than its own.
 */
export class UpstreamConnection implements TransportOwner, ResponseEvents, SentConnection, Waits, Tied {
  readonly upstreams: ConnectionKeeper<UpstreamConnection>
  readonly backend: Backend
  readonly lifetime: Lifetime
  /** The client that it belongs to from now on, when `isPrivate`. */
  holder: TieHolder | undefined
  #private = false
  transport!: Transport
  #writer!: BodyWriter
  readonly #reader = new ResponseReader(this)
  readonly #line = new Line()
  #served = 0
  #connected = false
  #bytesBefore = 0
  #closing = false
  /** The request whose response is being read; it may have left the line before the end of its response is reported. */
  #delivering: Sent | undefined
  #reading = false
  /** Reports a response's end once the connection is idle: the client's next pipelined request then finds it. */
  #reportEnd: (() => void) | undefined
  #paused = false
  #keepAliveSeconds: number | undefined
  deadline = Infinity

  constructor(upstreams: ConnectionKeeper<UpstreamConnection>, backend: Backend, lifetime: Lifetime) {
    this.backend = backend
    this.upstreams = upstreams
    this.lifetime = lifetime
  }

  get isPrivate(): boolean {
    return this.#private
  }

  /** It has served long enough and must close. */
  isSpent(now: number): boolean {
    return this.lifetime.isOver(this.#served, now)
  }

  /** Called once, with the transport that was connected for it. */
  attach(transport: Transport): void {
    this.transport = transport
    // A backend may answer and close while the request is still being sent: the answer counts (RFC 9112 §9.5).
    transport.readsOut = true
    this.#writer = new BodyWriter(transport)
  }

  get inFlight(): number {
    return this.#line.length
  }

  /**
   * Whether it can take a request now. Not while it reads: bytes behind the current response would be taken for the
   * answer to a request that was sent after they came.
   */
  get usable(): boolean {
    return !this.#closing && !this.#reading && !this.transport.closed
  }

  /** The head is written by `flush`. */
  send(sent: Sent): void {
    if (this.#line.length === 0) this.#expect(sent)
    if (sent.request.authenticates) this.#bind(sent)
    this.#line.push(sent)
    this.#writer.head(requestHead(sent.request), sent.request.bodyLength)
  }

  sendBody(buffer: Buffer, start: number, end: number): boolean {
    this.#writer.body(buffer, start, end)
    this.deadline = this.#now + this.#line.first!.times.idleMs
    return this.#writer.flowing
  }

  endBody(trailers: string): void {
    this.#writer.end(trailers)
    if (!this.#reader.inBody) this.deadline = this.#now + (this.#line.first?.times.responseMs ?? 0)
  }

  flush(): boolean {
    return this.transport.closed ? true : this.#writer.flush()
  }

  cancel(sent: Sent): void {
    if (!this.#line.remove(sent)) return
    this.#failAll('reset', 'another request on the same connection was given up', true)
    this.close()
  }

  close(): void {
    this.#closing = true
    this.transport.destroy()
  }

  /** From now on the connection belongs to the client of `sent`, whose credentials it carries. */
  #bind({ request }: Sent): void {
    if (this.#private) return
    this.#private = true
    this.holder = request.client
    if (this.holder !== undefined) this.holder.ties ??= new ClientTies()
  }

  /** Makes it idle, for `keepMs` at most. False when keeping it is not worthwhile. */
  rest(now: number, keepMs: number, hintSeconds: number | undefined): boolean {
    this.deadline = this.lifetime.restsUntil(now, keepMs, hintSeconds)
    return this.deadline > now
  }

  end(): void {
    this.upstreams.dismiss(this)
  }

  /**
   * Closes an idle connection, and counts it until the backend has closed its side: otherwise a backend might see the
   * next one first, and count one more than maxConnections.
   */
  part(): void {
    this.#closing = true
    this.deadline = this.#now + PARTING_MS
    this.transport.end()
  }

  pause(): void {
    this.#paused = true
    this.deadline = Infinity
    this.transport.pause()
  }

  resume(): void {
    if (!this.#paused) return
    this.#paused = false
    if (this.#line.length > 0) this.deadline = this.#now + this.#line.first!.times.idleMs
    this.transport.resume()
  }

  onConnect(): void {
    this.#connected = true
    this.upstreams.connected(this)
  }

  onData(buffer: Buffer, start: number, end: number): void {
    const first = this.#line.first
    // No request is waiting for these bytes, so they may belong to anything (response splitting).
    if (first === undefined || first.unsent) return this.close()
    // If something throws this stays true: the connection is closed then.
    this.#reading = true
    let p = start
    while (p >= 0 && p < end && !this.#closing && this.#line.length > 0) {
      this.#delivering = this.#line.first
      p = this.#reader.read(buffer, p, end)
    }
    this.#reading = false
    // The whole head has to come in time: neither a part of it nor interim responses extend its deadline.
    if (this.#reader.inBody && !this.#paused) this.deadline = this.#now + first.times.idleMs
    if (p < 0) this.#failAll('protocol-error', parseFailure(p).reason)
    // More bytes came than the responses take, so they may belong to anything.
    if (p < 0 || (p < end && !this.#closing)) this.close()
    else if (this.#line.length === 0 && !this.#closing) this.upstreams.release(this, this.#keepAliveSeconds)
    this.#delivering = first
    const late = this.#reportEnd
    this.#reportEnd = undefined
    late?.()
    first.client.onReadDone()
    this.#delivering = undefined
  }

  onEnd(): void {
    this.#delivering = this.#line.first
    if (this.#line.length > 0 && this.#reader.endsWithConnection) this.#reader.finish()
    this.#failAll('reset', this.#reader.begun ? 'closed within the response' : 'closed without an answer')
    this.close()
  }

  onDrain(): void {
    this.#writer.drained()
    this.#line.drained()
  }

  onClose(error: NodeJS.ErrnoException | undefined): void {
    this.#closing = true
    if (!this.#connected) {
      this.upstreams.connectFailed(this, error)
      return
    }
    this.upstreams.gone(this)
    this.#failAll('reset', error?.code ?? error?.message ?? 'closed')
  }

  onDeadline(): void {
    if (this.#line.length === 0) return this.close()
    const sent = this.#line.first!
    const inBody = this.#reader.inBody || !sent.complete
    const more = inBody ? sent.patience(this.transport.bytesIn) : 0
    if (more > 0) return void (this.deadline = this.#now + more)
    // Not clean: the backend has seen the request.
    if (inBody) this.#failAll('idle', 'sent or took nothing for too long', false)
    else this.#failAll('timeout', 'no answer in time', false)
    this.close()
  }

  /** Ends the exchange whose response was being delivered. The framing is in doubt: the others are tried elsewhere. */
  onInternalError(error: unknown): string | undefined {
    const current = this.#delivering ?? this.#line.first
    this.#delivering = undefined
    this.close()
    return this.#line.crash(error, current)
  }

  // ResponseEvents, called by the reader.

  onHead(head: UpstreamHead, buffer: Buffer, after: number, end: number): boolean {
    const sent = this.#line.first!
    if (head.connectionNames !== '') dropConnectionNamed(head.headers, head.connectionNames)
    if (head.status === 101) {
      if (!isAnswerTo(head.upgrade, sent.request.upgrade)) return false
      this.#line.shift()
      this.#closing = true
      this.upstreams.handedOver(this)
      sent.client.onUpgrade(head, this.transport, Buffer.from(buffer.subarray(after, end)))
      return true
    }
    if (head.status < 200) {
      if (!sent.complete) this.deadline = this.#now + sent.times.idleMs
      sent.client.onInterim(head)
      return true
    }
    if (head.status === 401 && authenticatesConnection(head.headers.get('www-authenticate'))) this.#bind(sent)
    this.#keepAliveSeconds = head.keepAliveSeconds
    sent.answered(head)
    return true
  }

  onBody(buffer: Buffer, start: number, end: number): void {
    this.#line.first?.client.onBody(buffer, start, end)
  }

  onResponseEnd(trailers: string, keepAlive: boolean): void {
    const sent = this.#line.shift()
    // The client has gone, in reaction to an earlier event.
    if (sent === undefined) return
    this.#served++
    const reusable = keepAlive && sent.complete && !this.transport.closed
    if (!reusable) this.#closing = true
    if (this.#private && reusable && this.#line.length === 0)
      this.#reportEnd = () => sent.client.onResponseEnd(trailers)
    else sent.client.onResponseEnd(trailers)
    if (!reusable) {
      this.#failAll('reset', 'closed by the backend after an earlier response', true)
      this.close()
    } else if (this.#line.length > 0) {
      this.#expect(this.#line.first!)
      sent.client.onReadDone()
    } else {
      this.resume()
    }
  }

  get #now(): number {
    return this.upstreams.deadlines.now
  }

  /** Prepares for the response to this request, which comes next. */
  #expect({ request, complete, times }: Sent): void {
    this.#bytesBefore = this.transport.bytesIn
    this.#reader.expect(request.method === 'HEAD')
    this.deadline = this.#now + (complete ? times.responseMs : times.idleMs)
  }

  /** `clean`: none of the bytes received belong to the remaining requests. */
  #failAll(failure: UpstreamFailure, reason: string, clean = this.#isClean()): void {
    if (this.#line.length === 0) return
    this.#closing = true
    this.#line.fail(failure, reason, clean)
  }

  /** Whether the backend closed an idle connection before it saw the request, or instead of answering. */
  #isClean(): boolean {
    return this.#served > 0 && !this.#reader.begun && this.transport.bytesIn === this.#bytesBefore
  }
}
