import type { L7ListenerConfig } from '../../../config/model/model.ts'
import { splice, type SpliceOptions } from '../../../l4/tcp/splice.ts'
import { contain, guarded } from '../../../core/containment.ts'
import type { Waits } from '../../../core/deadlines.ts'
import type { ByteStream } from '../../../net/transport/byte-stream.ts'
import type { ClientConnection } from '../../exchange/client/client-connection.ts'
import type { DownstreamStream } from '../../exchange/downstream-stream.ts'
import type { Exchange } from '../../exchange/exchange.ts'
import { judgeClient, laggards, Progress } from '../../exchange/client/progress.ts'
import type { Response } from '../../message/response.ts'
import type { HeaderBlock } from '../../message/header-block.ts'
import { CANCEL, errorName, INTERNAL_ERROR, NO_ERROR } from '../frames/codes.ts'
import { StreamBytes, type Carrier } from '../session/stream/stream-bytes.ts'
import type { ClosedBy, Stream, StreamHandler } from '../session/stream/stream.ts'
import type { ServerSession } from './server-session.ts'

/** A client that takes less than this of what waits for it within the idle time reads nothing. */
const LEAST_PROGRESS = 1024
/**
 * How long a client may take to end a request that has been answered already. Most of a request is on its way then, and
 * a client that hears RST_STREAM right behind the answer may take it for a failure.
 */
const LATE_END_MS = 1000

/** The connection that carries it. */
interface StreamCarrier extends Carrier {
  readonly client: ClientConnection
  readonly session: ServerSession
  /** Within a read; `onReadDone` of the streams follows. */
  readonly reading: boolean
  readonly now: number
  readonly times: L7ListenerConfig['timeouts']
  readonly tunnelOptions: SpliceOptions
  watch(waits: Waits): void
  settle(waits: Waits, stream: Stream): void
}
/** Its exchange is over. */
const NO_STREAM = { isStream: false }

/** One stream of a client's connection: one exchange. */
export class ServerStream implements DownstreamStream, StreamHandler, Waits {
  deadline = Infinity
  readonly #connection: StreamCarrier
  readonly #stream: Stream
  #exchange: Exchange | undefined
  /** The exchange has been told of the request's end, or there was no body. */
  #bodyEnded: boolean
  #delivering = false
  #waiting = false
  #progress: Progress | undefined
  #bytesIn = 0
  #bytesOut = 0

  /** `tunnels`: it is CONNECT with a protocol, so what comes behind its head is no body. */
  constructor(connection: StreamCarrier, stream: Stream, tunnels = false) {
    this.#connection = connection
    this.#stream = stream
    this.#bodyEnded = (stream.remoteEnded && stream.heldEnd === undefined) || tunnels
    stream.handler = this
    if (this.#bodyEnded) return
    const { times, now } = connection
    this.#progress = new Progress()
    this.#progress.bodyBegins(times, now)
    this.#wait()
  }

  serve(exchange: Exchange): void {
    this.#exchange = exchange
  }

  get client(): ClientConnection {
    return this.#connection.client
  }

  get reading(): boolean {
    return this.#delivering || this.#connection.reading
  }

  get bodyComplete(): boolean {
    return this.#bodyEnded
  }

  startBody(): void {
    this.#flow()
  }

  resumeBody(): void {
    this.#flow()
  }

  pauseBody(): void {
    if (this.#bodyEnded) return
    this.#connection.session.hold(this.#stream)
    if (this.#waiting) return
    this.#progress?.hold(this.#connection.now, this.#total)
    this.deadline = Infinity
  }

  sendInterim(status: number, _reason: string, headers: HeaderBlock): void {
    this.#connection.session.respond(this.#stream, status, headers.text, -1)
    this.#connection.wake()
  }

  sendHead(status: number, _reason: string, fields: string, length: number): void {
    this.#connection.session.respond(this.#stream, status, fields, length)
  }

  sendBody(buffer: Buffer, start: number, end: number): void {
    this.#bytesOut += end - start
    this.#connection.session.send(this.#stream, buffer, start, end, false)
  }

  sendText(text: string): void {
    this.#bytesOut += text.length
    this.#connection.session.sendText(this.#stream, text)
  }

  sendOwned(bytes: Buffer): void {
    this.#bytesOut += bytes.length
    this.#connection.session.send(this.#stream, bytes, 0, bytes.length, true)
  }

  sendEnd(trailers: string): void {
    this.#exchange = undefined
    try {
      this.#connection.session.end(this.#stream, trailers)
    } catch (error) {
      // No exchange is left that would end it.
      this.abort()
      throw error
    }
    if (!this.#stream.localEnded) this.#block()
    else if (this.#stream.remoteEnded) this.#connection.settle(this, this.#stream)
    this.#connection.wake()
  }

  flush(): boolean {
    const flowing = this.#connection.session.sender.flowing(this.#stream)
    this.#connection.wake()
    if (!flowing && this.#exchange !== undefined) this.#block()
    return flowing
  }

  /** A stream frames itself: what is wrong with a request does not touch the next. */
  closeAfter(): void {}

  abort(): void {
    this.#exchange = undefined
    this.#giveUp(INTERNAL_ERROR)
  }

  tunnel(
    _head: Response,
    fields: string,
    upstream: ByteStream,
    rest: Buffer,
    onEnd: (failed: boolean) => void
  ): void {
    this.#exchange = undefined
    this.#connection.settle(this, this.#stream)
    const connection = this.#connection
    // RFC 8441 §5.1: 200 in place of 101, and no answer to a key that was never sent.
    const answer = fields.replace(/^(?:sec-websocket-accept|connection|upgrade):.*\r\n/gim, '')
    connection.session.respond(this.#stream, 200, answer, -1)
    const bytes = new StreamBytes(connection, this.#stream)
    if (rest.length > 0) bytes.sendOwned(rest)
    splice(bytes, upstream, connection.tunnelOptions, (end) => onEnd(end.reason === 'upstream-reset'))
    connection.wake()
  }

  /** What an exchange throws ends its stream, and no other of the connection. */
  onInternalError(error: unknown): string | undefined {
    const exchange = this.#exchange
    const listener = exchange?.onInternalError(error)
    if (exchange !== undefined && this.#exchange === exchange) this.abort()
    return listener
  }

  // StreamHandler.

  onData(buffer: Buffer, start: number, end: number): void {
    this.#bytesIn += end - start
    const { times, now } = this.#connection
    if (!this.#waiting && this.#exchange !== undefined) this.deadline = this.#reached.went(times, now)
    try {
      this.#exchange?.onRequestBody(buffer, start, end)
    } catch (error) {
      contain(error, this)
    }
  }

  onDataEnd(trailers: string): void {
    this.#bodyEnded = true
    this.#progress?.bodyEnded()
    if (!this.#waiting) this.deadline = Infinity
    try {
      this.#exchange?.onRequestEnd(trailers)
    } catch (error) {
      contain(error, this)
    }
  }

  onReadDone(): void {
    try {
      this.#exchange?.onRequestReadDone()
    } catch (error) {
      contain(error, this)
    }
  }

  onDrain(): void {
    // Its end went out with the rest: what is waited for now is the client's (`onEndedFirst`).
    if (this.#stream.localEnded) return
    if (this.#waiting) this.#progress?.hold(this.#connection.now, this.#total)
    this.#waiting = false
    this.deadline = Infinity
    if (!this.#bodyEnded && this.#stream.flows) this.#wait()
    try {
      this.#exchange?.onDownstreamDrain()
    } catch (error) {
      contain(error, this)
    }
  }

  onFinished(): void {
    this.#connection.settle(this, this.#stream)
  }

  onEndedFirst(): void {
    const { contentLeft, receiveWindow } = this.#stream
    // Its window opens no more, so the client could not end it.
    if (contentLeft > receiveWindow) return this.#giveUp(NO_ERROR)
    this.#waiting = false
    this.deadline = this.#connection.now + LATE_END_MS
    this.#connection.watch(this)
  }

  onClosed(code: number, by: ClosedBy): void {
    const exchange = this.#exchange
    this.#exchange = undefined
    this.#connection.settle(this, this.#stream)
    const reason = `${by === 'peer' ? 'reset' : by}: ${errorName(code)}`
    guarded(() => exchange?.onClientGone('LB_CLIENT_GONE', reason), exchange)
  }

  onDeadline(): void {
    const exchange = this.#exchange
    if (this.#stream.localEnded) return this.#giveUp(NO_ERROR)
    const sends = !this.#waiting && exchange !== undefined
    const { times, now } = this.#connection
    const verdict = judgeClient(this.#reached, exchange ?? NO_STREAM, times, sends, now, this.#total)
    if (typeof verdict === 'number') return void (this.deadline = verdict)
    if (sends) return exchange.fail('LB_REQUEST_TIMEOUT', laggards[verdict].body)
    this.#exchange = undefined
    exchange?.onClientGone('LB_IDLE', laggards[verdict].response)
    this.#giveUp(CANCEL)
  }

  /** NO_ERROR: the rest of a request that has been answered is of no use (RFC 9113 §8.1). */
  #giveUp(code: number): void {
    this.#connection.session.reset(this.#stream.id, code)
    this.#connection.settle(this, this.#stream)
  }

  #flow(): void {
    if (this.#bodyEnded || this.#delivering) return
    const { session } = this.#connection
    if (!this.#waiting) this.#wait()
    const held = this.#stream.heldBytes > 0 || this.#stream.heldEnd !== undefined
    this.#delivering = true
    session.flow(this.#stream)
    this.#delivering = false
    if (held) this.#exchange?.onRequestReadDone()
  }

  /** The client is waited for: for its body, or to read. */
  #wait(): void {
    const { times, now } = this.#connection
    this.deadline = this.#reached.await(times, now, this.#total)
    this.#connection.watch(this)
  }

  /** The client is to read before anything else. */
  #block(): void {
    if (!this.#waiting) this.#progress?.hold(this.#connection.now, this.#total)
    this.#waiting = true
    this.#wait()
  }

  get #reached(): Progress {
    return (this.#progress ??= new Progress())
  }

  /** Bytes of the client's that have come or gone; a window that is opened byte by byte is no progress. */
  get #total(): number {
    if (!this.#waiting) return this.#bytesIn
    const left = this.#bytesOut - this.#stream.pendingBytes
    return left - (left % LEAST_PROGRESS)
  }
}
