import { guarded } from '../../../../core/containment.ts'
import {
  errorName,
  FLOW_CONTROL_ERROR,
  MAX_WINDOW,
  NO_ERROR,
  PROTOCOL_ERROR,
  STREAM_CLOSED
} from '../../frames/codes.ts'
import { writeReset } from '../../frames/write-frames.ts'
import { BY_BOTH_ENDS, BY_PEER, BY_US, ClosedIds } from './closed-ids.ts'
import { Glitches } from '../glitches.ts'
import { Receiver } from '../receiver.ts'
import { Sender } from '../send/sender.ts'
import { PeerSettings } from '../settings.ts'
import { Stream, type ClosedBy } from './stream.ts'
import { StreamTable } from './stream-table.ts'
import { DEFAULT_WINDOW } from '../../frames/codes.ts'

/** The connection that a session belongs to. */
export interface SessionHost {
  /** Bytes wait to be written, outside of a `receive`. */
  wake(): void
  /** The connection is over; write what is in `out`, with GOAWAY last, and then close it. */
  onOver(code: number, reason: string): void
  /** RST_STREAM was sent or has come; `by`: who caused it. */
  onReset(code: number, by: ClosedBy | 'us'): void
  /** A stream has ended, in whatever way. */
  onStreamClosed(code: number, by: ClosedBy | 'us' | 'end'): void
}

/** A client that resets a stream later than this gives up on a slow answer, as deadlines of gRPC do. */
const EARLY_MS = 1000

/** The streams of a connection, from opened to forgotten, and what client and server have in common. */
export abstract class StreamSet {
  readonly streams = new StreamTable()
  readonly closed = new ClosedIds()
  readonly peer: PeerSettings
  readonly glitches: Glitches
  readonly sender: Sender
  readonly receiver: Receiver
  /** Milliseconds; set before `receive`. */
  now = 0
  /** The highest stream that the peer has opened. */
  lastPeerId = 0
  /** The next stream that we open; clients only. */
  nextId = 1
  protected readonly host: SessionHost
  readonly #server: boolean
  readonly #touched: Stream[] = []
  #over = false
  /** Why this side ended the connection: the peer broke a rule. '' as long as it has not. Written here only. */
  ended = ''

  constructor(host: SessionHost, server: boolean) {
    this.host = host
    this.#server = server
    this.peer = new PeerSettings(server)
    this.glitches = new Glitches(!server)
    this.sender = new Sender((stream) => this.#localEnd(stream))
    this.receiver = new Receiver(this.sender.out)
  }

  abstract fail(code: number, reason: string): false
  protected abstract glitch(kind: 'early-reset' | 'late-frame'): boolean
  protected abstract violation(id: number, code: number): boolean

  /** Nothing more is read or begun. */
  get over(): boolean {
    return this.#over
  }

  /** Streams that the peer would reset early if it reset them now. */
  get earlyStreams(): number {
    let count = 0
    for (const stream of this.streams.toArray()) if (this.#isEarly(stream)) count++
    return count
  }

  #isEarly({ localEnded, openedAt }: Stream): boolean {
    return !localEnded && this.now - openedAt < EARLY_MS
  }

  /** Never opened. Even ids would be pushed streams, which are not used. */
  isIdle(id: number): boolean {
    if ((id & 1) === 0) return true
    return this.#server ? id > this.lastPeerId : id >= this.nextId
  }

  protected open(id: number): Stream {
    const stream = new Stream(id, this.peer.initialWindowSize, DEFAULT_WINDOW)
    stream.openedAt = this.now
    this.streams.add(stream)
    return stream
  }

  // Called by handlers.

  send(stream: Stream, bytes: Buffer, start: number, end: number, owned: boolean): void {
    if (!stream.localEnded) this.sender.data(stream, bytes, start, end, owned)
  }

  sendText(stream: Stream, text: string): void {
    if (!stream.localEnded) this.sender.text(stream, text)
  }

  end(stream: Stream, trailers: string): void {
    if (!stream.localEnded && stream.endTrailers === undefined) this.sender.end(stream, trailers)
  }

  /** The handler reads the stream's body. */
  flow(stream: Stream): void {
    if (stream.flows) return
    this.receiver.flow(stream)
    this.host.wake()
  }

  hold(stream: Stream): void {
    stream.flows = false
  }

  /** Ends a stream early; `by`: who caused it. */
  reset(id: number, code: number, by: ClosedBy | 'us' = 'us'): void {
    const stream = this.streams.get(id)
    writeReset(this.sender.out, id, code)
    this.host.onReset(code, by)
    this.host.wake()
    if (stream === undefined) this.closed.add(id, BY_US)
    else this.#forget(stream, BY_US, code, by)
  }

  /** The handler reads no more of the stream, which is open or has ended by both sides already. */
  leave(stream: Stream, code: number): void {
    if (this.streams.get(stream.id) === stream) return this.reset(stream.id, code)
    this.receiver.drop(stream)
    this.host.wake()
  }

  // Called for frames.

  protected touch(stream: Stream): void {
    if (stream.touched) return
    stream.touched = true
    this.#touched.push(stream)
  }

  /** Calls `onReadDone` for the streams whose bytes came in this read. */
  protected readDone(): void {
    for (const stream of this.#touched) {
      stream.touched = false
      stream.handler?.onReadDone()
    }
    this.#touched.length = 0
  }

  /** END_STREAM has come. */
  protected remoteEnd(stream: Stream, trailers: string): void {
    // What was to come of an answered request matters to nobody, and curl breaks off by END_STREAM.
    if (stream.contentLeft > 0 && !stream.discards) {
      this.violation(stream.id, PROTOCOL_ERROR)
      return
    }
    stream.remoteEnded = true
    this.receiver.end(stream, trailers)
    if (stream.localEnded) this.#forget(stream, BY_BOTH_ENDS, NO_ERROR, 'end')
  }

  protected peerReset(id: number, code: number): boolean {
    const stream = this.streams.get(id)
    if (stream === undefined) return this.glitch('late-frame')
    const early = this.#isEarly(stream)
    this.host.onReset(code, 'peer')
    // RFC 9113 §8.1: a server that has answered needs no more of the request; its answer may still be held here.
    if (stream.remoteEnded && !this.#server) this.#unwanted(stream)
    else this.#forget(stream, BY_PEER, code, 'peer')
    return !early || !this.#server ? !this.#over : this.glitch('early-reset')
  }

  /** WINDOW_UPDATE. */
  protected widen(id: number, increment: number): boolean {
    if (id === 0) {
      if (increment === 0) return this.fail(PROTOCOL_ERROR, 'WINDOW_UPDATE of 0')
      if (this.sender.widen(increment) !== 0) return this.fail(FLOW_CONTROL_ERROR, 'window over 2^31-1')
      this.sender.pump()
      return !this.#over
    }
    const stream = this.streams.get(id)
    // RFC 9113 §5.1: the frame may have been on its way when the stream closed.
    if (stream === undefined) return !this.#over
    if (increment === 0) return this.violation(id, PROTOCOL_ERROR)
    if (stream.sendWindow + increment > MAX_WINDOW) return this.violation(id, FLOW_CONTROL_ERROR)
    stream.sendWindow += increment
    if (stream.pendingBytes > 0 || stream.waits) this.sender.pump()
    return !this.#over
  }

  /** SETTINGS; returns an error code, 0 for none. */
  protected applySettings(buffer: Buffer, start: number, end: number): number {
    const before = this.peer.initialWindowSize
    const failure = this.peer.apply(buffer, start, end)
    if (failure !== 0) return failure
    this.sender.sections.tableSize = this.peer.headerTableSize
    // RFC 9113 §6.9.2: it applies to open streams too, whose window may become negative.
    const change = this.peer.initialWindowSize - before
    if (change === 0) return 0
    for (const stream of this.streams.toArray()) {
      stream.sendWindow += change
      if (stream.sendWindow > MAX_WINDOW) return FLOW_CONTROL_ERROR
    }
    return 0
  }

  /** The connection has ended, and so have all streams. `refused`: those above it were not processed. */
  protected finish(code: number, reason: string): void {
    if (this.#over) return
    this.#over = true
    this.ended = `${errorName(code)}: ${reason}`
    for (const stream of this.streams.toArray()) this.#forget(stream, BY_US, code, 'connection')
    this.host.onOver(code, reason)
  }

  /** The transport has closed. */
  abandon(): void {
    if (this.#over && this.streams.size === 0) return
    this.#over = true
    // If one throws, the others are still told.
    for (const stream of this.streams.toArray())
      guarded(() => this.#forget(stream, BY_US, STREAM_CLOSED, 'connection'))
  }

  /** The peer did not process the stream. */
  protected refuse(stream: Stream, code: number): void {
    this.#forget(stream, BY_US, code, 'refused')
  }

  /** The rest of its message is not sent. */
  #unwanted(stream: Stream): void {
    const { waits, handler } = stream
    stream.localEnded = true
    stream.waits = false
    this.sender.drop(stream)
    this.#forget(stream, BY_PEER, NO_ERROR, 'end')
    if (waits) handler?.onDrain()
  }

  #localEnd(stream: Stream): void {
    if (stream.remoteEnded) this.#forget(stream, BY_BOTH_ENDS, NO_ERROR, 'end')
    else this.endedFirst(stream)
  }

  /** Our message is complete and the peer's is not. */
  protected endedFirst(_stream: Stream): void {}

  #forget(stream: Stream, way: number, code: number, by: ClosedBy | 'us' | 'end'): void {
    if (!this.streams.delete(stream.id)) return
    this.closed.add(stream.id, way)
    if (by === 'end') {
      this.glitches.earn()
      // The request was answered: nobody reads the rest of it. A client still reads what is held of a response.
      if (this.#server && !stream.tunnel) this.receiver.drop(stream)
      stream.handler?.onFinished?.()
    } else {
      stream.localEnded = true
      stream.remoteEnded = true
      this.receiver.drop(stream)
      this.sender.drop(stream)
      const { handler } = stream
      stream.handler = undefined
      if (by !== 'us') handler?.onClosed(code, by)
    }
    this.host.onStreamClosed(code, by)
  }
}
