import { contain } from '../../../core/containment.ts'
import type { Waits } from '../../../core/deadlines.ts'
import type { DialFailure } from '../../../net/dial/dial-failure.ts'
import type { Outgoing } from '../../forward/forward-owner.ts'
import { unheard, type UpstreamClient, type UpstreamFailure } from '../../forward/upstream-client.ts'
import { StreamPatience } from '../../forward/stream-patience.ts'
import type { UpstreamStream, UpstreamTimes } from '../../forward/upstreams.ts'
import type { UpstreamHead } from '../../http1/parse/response-parser.ts'
import { CANCEL, errorName, NO_ERROR, REFUSED_STREAM } from '../frames/codes.ts'
import { StreamBytes, type Carrier } from '../session/stream/stream-bytes.ts'
import type { ClosedBy, Stream, StreamHandler } from '../session/stream/stream.ts'
import { webSocketAccept } from '../../message/websocket-accept.ts'
import type { ClientSession } from './client-session.ts'

/** The queue in which a request waits for a stream. */
export interface StreamLine {
  readonly now: number
  watch(waits: Waits): void
  unwatch(waits: Waits): void
  leave(stream: ClientStream): void
}

/** The connection that carries the stream. */
interface StreamCarrier extends Carrier {
  readonly session: ClientSession
  readonly served: number
  /** Why it ended, for the log. */
  readonly endReason: string
  doubt(): void
}

const NOTHING = Buffer.alloc(0)
const LATE: DialFailure = { code: 'LB_CONNECT_TIMEOUT', outcome: 'connect-timeout' }

/** A request on its way over HTTP/2: from the wait for a stream to the end of its response. */
export class ClientStream implements UpstreamStream, StreamHandler, Waits {
  readonly request: Outgoing
  deadline = Infinity
  readonly #line: StreamLine
  readonly #times: UpstreamTimes
  #client: UpstreamClient
  #connection: StreamCarrier | undefined
  #stream: Stream | undefined
  #bytes = 0
  #complete: boolean
  #head: UpstreamHead | undefined
  #received = 0
  readonly #patience = new StreamPatience()

  constructor(line: StreamLine, request: Outgoing, times: UpstreamTimes, client: UpstreamClient) {
    this.#line = line
    this.request = request
    this.#times = times
    this.#client = client
    this.#complete = request.bodyLength === 0
  }

  /** Begins to wait for a stream. */
  wait(): void {
    this.deadline = this.#line.now + this.#times.connectMs
    this.#line.watch(this)
  }

  /** Uses a stream of `connection`. */
  use(connection: StreamCarrier, stream: Stream): void {
    this.#connection = connection
    this.#stream = stream
    stream.handler = this
    connection.session.flow(stream)
    this.#await(this.#complete ? this.#times.responseMs : this.#times.idleMs)
    this.#line.watch(this)
  }

  /** Called when a stream is available, after a wait. */
  opened(): void {
    this.#client.onOpen()
  }

  notOpened(failure: DialFailure, reason: string): void {
    const client = this.#client
    this.#end()
    client.onOpenFailure(failure, reason)
  }

  // Called by the exchange (UpstreamStream).

  get isOpen(): boolean {
    return this.#connection !== undefined
  }

  sendBody(buffer: Buffer, start: number, end: number): boolean {
    this.#bytes += end - start
    const stream = this.#stream
    if (stream === undefined) return true
    const { session } = this.#connection!
    session.send(stream, buffer, start, end, false)
    if (!this.#responded) this.#await(this.#times.idleMs)
    return session.sender.flowing(stream)
  }

  endBody(trailers: string, bytes: number): string | undefined {
    const { bodyLength } = this.request
    if (bytes !== this.#bytes || (bodyLength >= 0 && bodyLength !== bytes)) {
      return `${this.#bytes} of ${bodyLength >= 0 ? bodyLength : bytes} bytes of the body were sent`
    }
    this.#complete = true
    if (this.#stream === undefined) return undefined
    this.#connection!.session.end(this.#stream, trailers)
    if (!this.#responded) this.#await(this.#times.responseMs)
    return undefined
  }

  flush(): boolean {
    const stream = this.#stream
    if (stream === undefined) return true
    this.#connection!.wake()
    return this.#connection!.session.sender.flowing(stream)
  }

  cancel(): void {
    this.#client = unheard
    const stream = this.#stream
    const connection = this.#connection
    this.#end()
    if (stream !== undefined) connection!.session.leave(stream, CANCEL)
    else this.#line.leave(this)
  }

  pause(): void {
    if (this.#stream === undefined) return
    this.#connection!.session.hold(this.#stream)
    this.deadline = Infinity
  }

  resume(): void {
    const stream = this.#stream
    if (stream === undefined || stream.flows) return
    this.#await(this.#times.idleMs)
    this.#connection!.session.flow(stream)
    this.#connection!.wake()
    this.onReadDone()
  }

  // Called by the connection.

  onHead(head: UpstreamHead): void {
    try {
      if (head.status < 200) return this.#client.onInterim(head)
      if (this.request.upgrade !== '' && head.status < 300) return this.#switch(head)
      this.#head = head
      this.#await(this.#times.idleMs)
      this.#client.onResponse(head)
    } catch (error) {
      contain(error, this)
    }
  }

  onData(buffer: Buffer, start: number, end: number): void {
    this.#await(this.#times.idleMs)
    this.#received += end - start
    try {
      this.#client.onBody(buffer, start, end)
    } catch (error) {
      contain(error, this)
    }
  }

  onDataEnd(trailers: string): void {
    const stream = this.#stream!
    const connection = this.#connection!
    const client = this.#client
    try {
      this.#end()
      // The rest of the request is not needed any more.
      if (!stream.localEnded) connection.session.reset(stream.id, NO_ERROR)
      client.onResponseEnd(trailers)
      client.onReadDone()
    } catch (error) {
      contain(error, client)
    }
  }

  onReadDone(): void {
    try {
      this.#client.onReadDone()
    } catch (error) {
      contain(error, this)
    }
  }

  onDrain(): void {
    try {
      this.#client.onUpstreamDrain()
    } catch (error) {
      contain(error, this)
    }
  }

  onClosed(code: number, by: ClosedBy): void {
    const connection = this.#connection!
    const client = this.#client
    const responded = this.#responded
    const refused = !responded && (by === 'refused' || (by === 'peer' && code === REFUSED_STREAM))
    const clean = by === 'connection' && !responded && connection.served > 0
    // Requests that others' responses took along may be repeated, as where the backend closes the connection.
    const broken = by === 'connection' && connection.session.ended !== ''
    const failure: UpstreamFailure = refused
      ? 'refused'
      : by === 'violation' || broken
        ? 'protocol-error'
        : 'reset'
    const reason =
      by === 'connection' ? connection.session.ended || connection.endReason : `${by}: ${errorName(code)}`
    try {
      this.#end()
      client.onFailure(failure, reason, clean)
    } catch (error) {
      contain(error, client)
    }
  }

  onDeadline(): void {
    const stream = this.#stream
    const connection = this.#connection
    if (stream === undefined) {
      this.#line.leave(this)
      return this.notOpened(LATE, 'no stream of a connection became free')
    }
    const more = this.#patience.more(this.#head, this.#times, this.#received)
    if (more > 0) return this.#await(more)
    const client = this.#client
    const failure = this.#complete && !this.#responded ? 'timeout' : 'idle'
    this.#end()
    connection!.session.leave(stream, CANCEL)
    if (failure === 'timeout') connection!.doubt()
    const reason = failure === 'timeout' ? 'no answer in time' : 'sent or took nothing for too long'
    client.onFailure(failure, reason, false)
  }

  onInternalError(error: unknown): string | undefined {
    const client = this.#client
    this.cancel()
    return client.onInternalError?.(error)
  }

  /** The backend has opened the tunnel, for which HTTP/1.1 uses 101 (RFC 8441 §5.1). */
  #switch(head: UpstreamHead): void {
    const { upgrade, headers } = this.request
    const bytes = new StreamBytes(this.#connection!, this.#stream!)
    const client = this.#client
    this.#end()
    const key = headers.first('sec-websocket-key')
    if (upgrade === 'websocket' && key !== undefined) {
      head.headers.set('Sec-WebSocket-Accept', webSocketAccept(key))
    }
    client.onUpgrade({ ...head, status: 101, upgrade }, bytes, NOTHING)
  }

  get #responded(): boolean {
    return this.#head !== undefined
  }

  #await(ms: number): void {
    this.deadline = this.#line.now + ms
  }

  #end(): void {
    this.#stream = undefined
    this.#client = unheard
    this.deadline = Infinity
    this.#line.unwatch(this)
  }
}
