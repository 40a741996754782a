import type { L7ListenerConfig } from '../../../config/model/model.ts'
import { splice, type SpliceOptions } from '../../../l4/tcp/splice.ts'
import { contain, guarded } from '../../../core/containment.ts'
import type { Waits } from '../../../core/deadlines.ts'
import type { ByteStream } from '../../../net/transport/byte-stream.ts'
import type { ClientConnection } from '../../exchange/client/client-connection.ts'
import type { DownstreamStream } from '../../exchange/downstream-stream.ts'
import type { Exchange } from '../../exchange/exchange.ts'
import { LINGER_MS } from '../../exchange/client/patience.ts'
import { judgeClient, laggards, Progress } from '../../exchange/client/progress.ts'
import type { Response } from '../../message/response.ts'
import type { HeaderBlock } from '../../message/header-block.ts'
import { CANCEL, errorName, INTERNAL_ERROR, NO_ERROR } from '../frames/codes.ts'
import { StreamBytes, type Carrier } from '../session/stream/stream-bytes.ts'
import type { ClosedBy, Stream, StreamHandler } from '../session/stream/stream.ts'
import { LateEnd } from './late-end.ts'
import type { ServerSession } from './server-session.ts'

/** A client that takes fewer of the waiting bytes than this within the idle time counts as not reading. */
const LEAST_PROGRESS = 1024

/** The connection that carries the stream. */
interface StreamCarrier extends Carrier {
  readonly client: ClientConnection
  readonly session: ServerSession
  /** True within a read; `onReadDone` of the streams follows. */
  readonly reading: boolean
  readonly draining: boolean
  readonly now: number
  readonly times: L7ListenerConfig['timeouts']
  readonly tunnelOptions: SpliceOptions
  watch(waits: Waits): void
  settle(waits: Waits, stream: Stream): void
}
/** Stands for an exchange that is over. */
const NO_STREAM = { isStream: false }

/** One stream of a client's connection: one exchange. */
export class ServerStream implements DownstreamStream, StreamHandler, Waits {
  deadline = Infinity
  readonly #connection: StreamCarrier
  readonly #stream: Stream
  #exchange: Exchange | undefined
  /** The exchange knows that the request has ended, or there was no body. */
  #bodyEnded: boolean
  #delivering = false
  #waiting = false
  #progress: Progress | undefined
  #bytesIn = 0
  #bytesOut = 0
  #lateEnd: LateEnd | undefined

  /** `tunnels`: it is an extended CONNECT, so what follows its head is not a body. */
  constructor(connection: StreamCarrier, stream: Stream, tunnels = false) {
    this.#connection = connection
    this.#stream = stream
    this.#bodyEnded = (stream.remoteEnded && stream.heldEnd === undefined) || tunnels
    stream.handler = this
    if (this.#bodyEnded) return
    const { times, now } = connection
    this.#reached.bodyBegins(times, now)
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
      // No exchange is left that could end it.
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

  /** A stream frames itself: an error in its request does not affect the next one. */
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
    // RFC 8441 §5.1: 200 instead of 101, and no answer to a key that was never sent.
    const answer = fields.replace(/^(?:sec-websocket-accept|connection|upgrade):.*\r\n/gim, '')
    connection.session.respond(this.#stream, 200, answer, -1)
    const bytes = new StreamBytes(connection, this.#stream)
    if (rest.length > 0) bytes.sendOwned(rest)
    splice(bytes, upstream, connection.tunnelOptions, (end) => onEnd(end.reason === 'upstream-reset'))
    connection.wake()
  }

  /** An exchange that throws ends its own stream only. */
  onInternalError(error: unknown): string | undefined {
    const exchange = this.#exchange
    const listener = exchange?.onInternalError(error)
    if (exchange !== undefined && this.#exchange === exchange) this.abort()
    return listener
  }

  // Called by the session (StreamHandler).

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
    // The end was sent with the rest: now the client has to end its request (`onEndedFirst`).
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
    this.#lateEnd ??= new LateEnd(this.#connection.now)
    this.#waiting = false
    this.deadline = this.#connection.now + LINGER_MS
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
    const { times, now, draining } = this.#connection
    if (this.#stream.localEnded) {
      const next = this.#lateEnd?.next(this.#stream, draining, now)
      return next === undefined ? this.#giveUp(NO_ERROR) : void (this.deadline = next)
    }
    const sends = !this.#waiting && exchange !== undefined
    const verdict = judgeClient(this.#reached, exchange ?? NO_STREAM, times, sends, now, this.#total)
    if (typeof verdict === 'number') return void (this.deadline = verdict)
    if (sends) this.#lateEnd = new LateEnd(now, 0)
    if (sends) return exchange.fail('LB_REQUEST_TIMEOUT', laggards[verdict].body)
    this.#exchange = undefined
    exchange?.onClientGone('LB_IDLE', laggards[verdict].response)
    this.#giveUp(CANCEL)
  }

  /** NO_ERROR: the rest of an answered request is not needed (RFC 9113 §8.1). */
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

  /** Waits for the client: for its body, or for it to read. */
  #wait(): void {
    const { times, now } = this.#connection
    this.deadline = this.#reached.await(times, now, this.#total)
    this.#connection.watch(this)
  }

  /** The client has to read before anything else. */
  #block(): void {
    if (!this.#waiting) this.#progress?.hold(this.#connection.now, this.#total)
    this.#waiting = true
    this.#wait()
  }

  get #reached(): Progress {
    return (this.#progress ??= new Progress())
  }

  /** Bytes received from the client or sent to it. A window opened byte by byte does not count as progress. */
  get #total(): number {
    if (!this.#waiting) return this.#bytesIn
    const left = this.#bytesOut - this.#stream.pendingBytes
    return left - (left % LEAST_PROGRESS)
  }
}
