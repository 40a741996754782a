import type { Splice, SpliceEnd } from '../../../l4/tcp/splice.ts'
import type { Waits } from '../../../core/deadlines.ts'
import type { ByteStream } from '../../../net/transport/byte-stream.ts'
import type { Transport, TransportOwner } from '../../../net/transport/transport.ts'
import type { DownstreamStream } from '../../exchange/downstream-stream.ts'
import type { Exchange } from '../../exchange/exchange.ts'
import type { HeaderBlock } from '../../message/header-block.ts'
import type { Request } from '../../message/request.ts'
import type { DownstreamHost } from './downstream-host.ts'
import { AcceptedClient } from '../../exchange/client/accepted-client.ts'
import type { ClientConnection, Ends } from '../../exchange/client/client-connection.ts'
import type { Admission } from '../../../net/admission/gate.ts'
import { CUT_BODY, NO_HEAD, SENT } from './client-watch.ts'
import { Lingering } from './lingering.ts'
import { DRAIN_MS, LINGER_MS } from '../../exchange/client/patience.ts'
import { parseFailure, type ParseFailure } from '../parse/parse-failure.ts'
import { RequestReader, type RequestEvents } from './request-reader.ts'
import { ConnectionBase } from './connection-base.ts'
import { openTunnel } from '../../forward/tunnel.ts'
import { ResponseWriter } from '../write/message-writer.ts'
import type { UpstreamHead } from '../parse/response-parser.ts'

/** A client's HTTP/1.x connection: one exchange at a time, in the order of the requests. */
export class DownstreamConnection
  extends ConnectionBase
  implements TransportOwner, DownstreamStream, RequestEvents, Waits
{
  readonly client: ClientConnection
  readonly transport: Transport
  readonly acceptedAt: number
  deadline = Infinity
  protected readonly host: DownstreamHost
  protected readonly writer: ResponseWriter
  readonly #reader: RequestReader
  #exchange: Exchange | undefined
  #tunnel: Splice | undefined
  /** The client has yet to read the last response; its next request waits, or lb would hold the responses to all of them. */
  #owed = false
  #lingers: Lingering | undefined

  /** `ends`: the addresses that a PROXY header named. */
  constructor(
    host: DownstreamHost,
    attach: (owner: TransportOwner) => Transport,
    admission: Admission | undefined,
    ends: Ends | undefined
  ) {
    super()
    this.host = host
    this.transport = attach(this)
    this.#reader = new RequestReader(this.transport, this, host)
    this.writer = new ResponseWriter(this.transport)
    this.client = new AcceptedClient(this.transport, admission, ends)
    this.acceptedAt = this.now
    host.context.deadlines.add(this)
    this.deadline = this.now + host.snapshot.config.timeouts.keepAliveMs
  }

  get idle(): boolean {
    if (this.#exchange !== undefined || this.#tunnel !== undefined) return false
    return !this.#reader.inHead && !this.#owed && !this.rests
  }

  get reading(): boolean {
    return this.#reader.reading
  }

  get bodyComplete(): boolean {
    return this.#reader.bodyComplete
  }

  /** The next response is the last. An idle connection stays open for a moment, since a request may be on its way. */
  drain(): void {
    if (this.idle && this.#lingers === undefined) this.deadline = this.now + DRAIN_MS
  }

  destroy(): void {
    return this.#tunnel === undefined ? this.transport.destroy() : this.#tunnel.cut('shutdown')
  }

  onData(buffer: Buffer, start: number, end: number): void {
    this.#reader.receive(buffer, start, end)
  }

  onEnd(): void {
    this.watch.ended()
    // Not destroyed: the last response may still be being sent.
    if (this.#lingers !== undefined || (this.#exchange === undefined && !this.#owed)) this.transport.end()
    else if (!this.#reader.bodyComplete) {
      this.#exchange?.fail('LB_BAD_REQUEST', CUT_BODY)
    } else if (this.writer.flowing) this.deadline = this.restDeadline
  }

  onDrain(): void {
    if (!this.writer.flowing) this.watched?.hold()
    this.writer.drained()
    if (this.#owed) return this.#next()
    if (this.#exchange === undefined) return
    this.deadline = this.#reader.bodyComplete ? this.restDeadline : this.watch.await()
    this.#exchange.onDownstreamDrain()
  }

  onClose(error: NodeJS.ErrnoException | undefined): void {
    this.transport.countBytes(this.host.context)
    const exchange = this.#exchange
    this.#exchange = undefined
    exchange?.onClientGone('LB_CLIENT_GONE', error?.code ?? 'closed')
    this.host.closed(this)
  }

  onDeadline(): void {
    const exchange = this.#exchange
    if (exchange === undefined && !this.#owed) {
      if (this.#lingers !== undefined) return void (this.deadline = this.lingerOn(this.#lingers))
      if (this.rests) return this.#linger()
      if (!this.#reader.inHead) return this.transport.destroy()
      return this.#refuse(NO_HEAD, this.#reader.ahead)
    }
    const overdue = this.watch.overdue(exchange ?? SENT, this.#reader.bodyComplete)
    if (typeof overdue === 'number') return void (this.deadline = overdue)
    if (this.writer.flowing && !this.#reader.bodyComplete)
      return exchange?.fail('LB_REQUEST_TIMEOUT', overdue)
    exchange?.onClientGone(this.writer.flowing ? 'LB_CLIENT_GONE' : 'LB_IDLE', overdue)
    this.#exchange = undefined
    this.transport.reset()
  }

  onInternalError(error: unknown): string {
    this.closes = true
    this.#exchange?.onInternalError(error)
    // Nothing was answered: there was no request, or it could not be answered.
    if (this.#exchange !== undefined || this.#lingers === undefined) this.destroy()
    if (this.transport.closed) this.host.closed(this)
    return this.host.snapshot.config.name
  }

  onHeadBegun(): void {
    // Set once per head: one that comes byte by byte gets no more time than one that comes at once.
    this.deadline = this.now + this.timeouts.requestHeadersMs
  }

  onRequest(request: Request): void {
    this.closes = !request.keepAlive
    this.deadline = this.#reader.bodyComplete ? Infinity : this.watch.bodyBegins()
    this.#exchange = this.host.begin(request, this, this.host)
    this.#exchange.run()
  }

  onBadHead(failure: number, buffer: Buffer, start: number, end: number): void {
    this.#refuse(parseFailure(failure), buffer.subarray(start, end))
  }

  onBadBody(failure: number): void {
    if (this.rests) return this.#linger()
    const { code, reason } = parseFailure(failure)
    this.#exchange?.fail(code, reason)
  }

  onBodyRead(): void {
    if (this.rests) this.deadline = this.watch.restCame()
    else if (this.writer.flowing) this.deadline = this.watch.went()
  }

  onBody(buffer: Buffer, start: number, end: number): void {
    this.#exchange?.onRequestBody(buffer, start, end)
  }

  onBodyEnd(trailers: string): void {
    if (this.writer.flowing) this.deadline = Infinity
    this.watched?.bodyEnded()
    if (this.rests) this.#answered()
    else this.#exchange?.onRequestEnd(trailers)
  }

  onReadDone(): void {
    this.#exchange?.onRequestReadDone()
    // FIN came while an earlier request was served, and the rest of this body had come before it: now that end counts.
    if (this.watched?.halfClosed !== undefined && this.#reader.bodyIsCut)
      this.#exchange?.fail('LB_BAD_REQUEST', CUT_BODY)
    this.#endIfLast()
  }

  startBody(): void {
    if (!this.#reader.bodyComplete) this.deadline = this.watch.await()
    this.#reader.startBody()
  }

  pauseBody(): void {
    if (this.#reader.bodyComplete) return
    this.deadline = this.watch.pause(this.deadline)
    this.#reader.stopBody()
  }

  resumeBody(): void {
    if (this.#reader.bodyComplete || this.#reader.bodyFlows) return
    if (this.writer.flowing) this.deadline = this.watch.await()
    this.#reader.startBody()
  }

  sendInterim(status: number, reason: string, headers: HeaderBlock): void {
    // RFC 9110 §15.2: an HTTP/1.0 client does not understand interim responses.
    if (this.#exchange?.request.version !== '1.0') this.writer.interim(status, reason, headers)
  }

  sendHead(status: number, reason: string, fields: string, length: number, trailers: boolean): void {
    const unread = !this.#reader.bodyComplete && !this.#reader.bodyFlows
    if (this.host.context.draining || unread) this.closes = true
    else if (this.watched?.halfClosed !== undefined && !this.#reader.hasMore) this.closes = true
    const minor = this.#exchange?.request.version === '1.0' ? 0 : 1
    this.closes = this.writer.response(status, reason, fields, length, minor, this.closes, trailers)
  }

  sendBody(buffer: Buffer, start: number, end: number): void {
    this.writer.body(buffer, start, end)
  }

  sendEnd(trailers: string): void {
    this.writer.end(trailers)
    this.writer.flush()
    this.#exchange = undefined
    this.transport.countBytes(this.host.context)
    if (this.closes) return this.#linger()
    if (this.#reader.bodyComplete) return this.#answered()
    // The client was not told of a close, so its next request may come behind the rest of this one.
    this.deadline = this.watch.restBegins()
    this.#reader.startBody()
  }

  /** Request and response are complete. */
  #answered(): void {
    this.watched?.restEnds()
    if (this.writer.flowing) return this.#next()
    this.#owed = true
    this.deadline = this.watch.await()
  }

  #next(): void {
    this.#owed = false
    const { context, snapshot } = this.host
    this.deadline =
      context.deadlines.now + (context.draining ? DRAIN_MS : snapshot.config.timeouts.keepAliveMs)
    this.#reader.next()
    this.#endIfLast()
  }

  /** A client that has sent FIN gets its last response, and nothing more comes. */
  #endIfLast(): void {
    if (this.watched?.halfClosed === undefined || this.#reader.readsOn || this.#lingers !== undefined) return
    if (this.#exchange === undefined && !this.#owed && this.#tunnel === undefined) this.#linger()
  }

  flush(): boolean {
    if (this.transport.closed) return true
    const before = this.writer.flowing
    const flowing = this.writer.flush()
    if (!flowing && this.#exchange !== undefined) this.deadline = this.watch.blocked(before)
    return flowing
  }

  abort(): void {
    this.#exchange = undefined
    this.cutResponse()
  }

  tunnel(
    head: UpstreamHead,
    fields: string,
    upstream: ByteStream,
    rest: Buffer,
    onEnd: (failed: boolean) => void
  ): void {
    this.writer.switching(head.reason, fields, head.upgrade)
    this.writer.flush()
    this.#exchange = undefined
    const { context } = this.host
    context.deadlines.remove(this)
    const held = { bytes: this.#reader.stop(), ended: this.watched?.halfClosed !== undefined }
    const ended = (end: SpliceEnd): void => {
      onEnd(end.reason === 'upstream-reset')
      this.host.closed(this)
    }
    this.#tunnel = openTunnel(context, this.timeouts, this.transport, upstream, rest, held, ended)
  }

  #refuse(failure: ParseFailure, head: Buffer | undefined): void {
    this.closes = true
    this.#exchange = this.host.unreadable(this, head)
    this.#exchange.fail(failure.code, failure.reason)
  }

  /** Closes so that the client can read the last response. */
  #linger(): void {
    this.watched?.restEnds()
    this.#reader.stop()
    this.transport.end()
    // Set last: where one of these throws, the connection is closed at once (`onInternalError`).
    this.#lingers = new Lingering(this.transport, this.now)
    this.deadline = this.now + LINGER_MS
  }
}
