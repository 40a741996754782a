import { guarded, type Contained } from '../../../core/containment.ts'
import type { Transport } from '../../../net/transport/transport.ts'
import { readTurns } from '../../../net/transport/turns.ts'
import type { Request } from '../../message/request.ts'
import { ChunkedReader, type ChunkSink } from '../parse/chunked-reader.ts'
import { parsedRequest, parseRequest, type HeadLimits } from '../parse/request-parser.ts'
import { UNKNOWN_LENGTH } from '../../message/body-length.ts'

/** Bytes held of what a client sends ahead: pipelined requests, or a body that is not read yet. */
const AHEAD_BYTES = 65_536
/** Requests that one connection begins in a turn of the event loop, which are more than one if they are answered at once. */
const MOST_AT_ONCE = 32
const LF = 10

interface LimitsInForce {
  readonly snapshot: { readonly config: { readonly limits: HeadLimits } }
}

/** Receives the requests that a RequestReader reads. */
export interface RequestEvents extends Contained {
  /** The first bytes of a head that is not complete yet. */
  onHeadBegun(): void
  /** The reader reads no further request until `next`. */
  onRequest(request: Request): void
  /** A failure of parse-failure.ts, and where the head is. Nothing more is read. */
  onBadHead(failure: number, buffer: Buffer, start: number, end: number): void
  onBadBody(failure: number): void
  /** Some of the body is about to be delivered. */
  onBodyRead(): void
  onBody(buffer: Buffer, start: number, end: number): void
  onBodyEnd(trailers: string): void
  /** Everything from one read has been delivered. */
  onReadDone(): void
}

/**
 * Reads requests from a client's connection, one after the other: the next one only after `next`, and a body only while
 * it is wanted. What comes too early is held, up to a bound; beyond it the connection is not read.
 */
export class RequestReader implements ChunkSink {
  readonly #transport: Transport
  readonly #events: RequestEvents
  readonly #host: LimitsInForce
  readonly #body = new RequestBody()
  /** Received but not parsed yet. */
  #ahead: Buffer | undefined
  /** Memory that the transport does not use again, so the rest of it need not be copied. */
  #own: Buffer | undefined
  #inHead = false
  #busy = false
  #bodyFlows = false
  #reading = false
  #paused = false
  #stopped = false
  /** Bytes follow the request that is being delivered. */
  #more = false
  /** Other connections have their turn. */
  #waits = false

  /** `host` knows the limits in force. */
  constructor(transport: Transport, events: RequestEvents, host: LimitsInForce) {
    this.#host = host
    this.#transport = transport
    this.#events = events
  }

  /** True during `receive` and the calls it makes; `onReadDone` follows. */
  get reading(): boolean {
    return this.#reading
  }

  get bodyComplete(): boolean {
    return this.#body.complete
  }

  /** Everything received has been read and the body is incomplete: if nothing more comes it stays so. */
  get bodyIsCut(): boolean {
    return !this.#body.complete && this.#ahead === undefined
  }

  /** Bytes received but not read yet. */
  get ahead(): Buffer | undefined {
    return this.#ahead
  }

  get bodyFlows(): boolean {
    return this.#bodyFlows
  }

  /** A part of a head has come. */
  get inHead(): boolean {
    return this.#inHead
  }

  /** The transport's `onData`. */
  receive(buffer: Buffer, start: number, end: number): void {
    if (this.#stopped) return
    const held = this.#ahead
    if (held === undefined) return this.#read(buffer, start, end)
    const joined = (this.#ahead = Buffer.concat([held, buffer.subarray(start, end)]))
    if (this.#waits) return
    if (this.#busy) return this.#holdBack()
    // Without another line end the head cannot be complete, and reading it again would be quadratic.
    const whole = buffer.subarray(start, end).indexOf(LF) !== -1
    if (!whole && joined.length < this.#host.snapshot.config.limits.headBytes) return
    this.#ahead = undefined
    this.#own = joined
    this.#read(joined, 0, joined.length)
  }

  /** Bytes have been received that may be another request. */
  get hasMore(): boolean {
    return this.#more || this.#ahead !== undefined
  }

  /** They are read in this turn or the next. */
  get readsOn(): boolean {
    return this.#more || this.#waits
  }

  /** Starts delivering the request's body, or resumes it. */
  startBody(): void {
    this.#bodyFlows = true
    this.#readOn()
  }

  stopBody(): void {
    this.#bodyFlows = false
    this.#pause()
  }

  /** The exchange is over: the next request may be read. */
  next(): void {
    this.#busy = false
    this.#readOn()
  }

  /** Stops parsing HTTP and returns the bytes that came ahead. Later bytes are discarded. */
  stop(): Buffer[] {
    this.#stopped = true
    this.#waits = false
    const ahead = this.#ahead
    this.#ahead = undefined
    if (this.#paused) this.#transport.resume()
    return ahead === undefined ? [] : [ahead]
  }

  onChunkData(buffer: Buffer, start: number, end: number): void {
    this.#events.onBody(buffer, start, end)
  }

  onChunkEnd(trailers: string): void {
    this.#events.onBodyEnd(trailers)
  }

  #read(buffer: Buffer, start: number, end: number): void {
    this.#reading = true
    let p = start
    let begun = 0
    while (p < end && !this.#stopped && !this.#transport.closed) {
      let after: number
      if (!this.#busy && begun++ === MOST_AT_ONCE) after = this.#wait(buffer, p, end)
      else if (!this.#busy) after = this.#readHead(buffer, p, end)
      else if (!this.#body.complete && this.#bodyFlows) after = this.#readBody(buffer, p, end)
      else after = this.#hold(buffer, p, end)
      if (after < 0) break
      p = after
    }
    this.#own = undefined
    this.#more = false
    this.#events.onReadDone()
    this.#reading = false
  }

  /** Returns the position after the head, or a negative number: stop reading for now. */
  #readHead(buffer: Buffer, start: number, end: number): number {
    const after = parseRequest(buffer, start, end, this.#host.snapshot.config.limits)
    if (after < 0) {
      this.#stopped = true
      this.#events.onBadHead(after, buffer, start, end)
      return after
    }
    if (after === 0) return this.#hold(buffer, start, end)
    const request = parsedRequest()
    this.#inHead = false
    this.#busy = true
    this.#bodyFlows = false
    this.#body.begin(request.bodyLength)
    this.#more = after < end
    this.#events.onRequest(request)
    return after
  }

  #readBody(buffer: Buffer, start: number, end: number): number {
    this.#events.onBodyRead()
    const after = this.#body.read(buffer, start, end, this)
    if (after < 0) {
      this.#stopped = true
      this.#events.onBadBody(after)
    }
    return after
  }

  #hold(buffer: Buffer, start: number, end: number): number {
    const rest = buffer.subarray(start, end)
    this.#ahead = buffer === this.#own ? rest : Buffer.from(rest)
    if (this.#busy) {
      this.#holdBack()
    } else if (!this.#inHead) {
      this.#inHead = true
      this.#events.onHeadBegun()
    }
    return -1
  }

  /** Requests that are answered at once would otherwise keep everybody else waiting, by the thousand. */
  #wait(buffer: Buffer, start: number, end: number): number {
    const rest = buffer.subarray(start, end)
    this.#ahead = buffer === this.#own ? rest : Buffer.from(rest)
    this.#waits = true
    this.#pause()
    readTurns.later(() => guarded(() => this.#turn(), this.#events))
    return -1
  }

  #turn(): void {
    if (!this.#waits || this.#transport.closed) return
    this.#waits = false
    this.#readOn()
  }

  #holdBack(): void {
    if (this.#mustWait) this.#pause()
  }

  #pause(): void {
    this.#paused = true
    this.#transport.pause()
  }

  #readOn(): void {
    if (this.#waits) return
    const ahead = this.#ahead
    if (ahead !== undefined && !this.#reading) {
      this.#ahead = undefined
      this.#own = ahead
      this.#read(ahead, 0, ahead.length)
    }
    // What is held may be the beginning of a head, and its rest has to be read.
    if (this.#paused && !this.#waits && !this.#stopped && !(this.#busy && this.#mustWait)) {
      this.#transport.resume()
      // Set last: if `resume` threw, `stop` must still resume, or the client's close would go unnoticed.
      this.#paused = false
    }
  }

  /** No more bytes may be held ahead. */
  get #mustWait(): boolean {
    const bodyWaits = !this.#body.complete && !this.#bodyFlows
    return bodyWaits || (this.#ahead?.length ?? 0) >= AHEAD_BYTES
  }
}

/** Reads the body of a request from a connection, however the bytes are split. */
export class RequestBody {
  #left = 0
  #chunks: ChunkedReader | undefined

  begin(length: number): void {
    this.#left = length
    this.#chunks = length === UNKNOWN_LENGTH ? new ChunkedReader() : undefined
  }

  get complete(): boolean {
    return this.#chunks === undefined ? this.#left === 0 : this.#chunks.done
  }

  /** Bytes still to come; Infinity when only the end of the body will tell. */
  get left(): number {
    return this.#chunks === undefined ? this.#left : this.#chunks.done ? 0 : Infinity
  }

  /** Returns the position up to which it read, or a failure. */
  read(buffer: Buffer, start: number, end: number, sink: ChunkSink): number {
    if (this.#chunks !== undefined) return this.#chunks.read(buffer, start, end, sink)
    const bodyEnd = Math.min(end, start + this.#left)
    this.#left -= bodyEnd - start
    sink.onChunkData(buffer, start, bodyEnd)
    if (this.#left === 0) sink.onChunkEnd('')
    return bodyEnd
  }
}
