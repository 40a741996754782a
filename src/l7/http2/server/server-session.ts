import {
  CANCEL,
  ENABLE_CONNECT_PROTOCOL,
  MAX_CONCURRENT_STREAMS,
  MAX_HEADER_LIST_SIZE,
  MAX_WINDOW,
  NO_ERROR,
  NO_RFC7540_PRIORITIES,
  PROTOCOL_ERROR,
  REFUSED_STREAM,
  STREAM_CLOSED
} from '../frames/codes.ts'
import { writeSettings } from '../frames/write-frames.ts'
import type { FieldSink } from '../hpack/decoder.ts'
import type { HeadLimits } from '../../http1/parse/request-parser.ts'
import type { Request } from '../../message/request.ts'
import { BY_US } from '../session/stream/closed-ids.ts'
import { Session } from '../session/session.ts'
import type { Stream } from '../session/stream/stream.ts'
import type { SessionHost } from '../session/stream/stream-set.ts'
import { TrailerSection } from '../session/send/trailer-section.ts'
import { MALFORMED_REQUEST, RequestSection } from './request-section.ts'

/** Receives the requests of a server's session. */
export interface ServerSessionHost extends SessionHost {
  readonly limits: HeadLimits
  onStreamOpened(): void
  /** Called at the end of the read that completed the head; a request that was reset by then does not begin. */
  onRequest(stream: Stream, request: Request): void
  /** A request that was read but is refused with a response; `failure`: of parse-failure.ts. */
  onBadRequest(stream: Stream, failure: number): void
  /** The client opens no more streams: the connection closes after the open ones. */
  onClientGoaway(): void
}

const section = new RequestSection()
const trailers = new TrailerSection()

const NEW = 1
const TRAILERS = 2
const REFUSED = 3

/** The server's side of a connection: interprets field sections, and limits the number of streams. */
export class ServerSession extends Session {
  protected override readonly host: ServerSessionHost
  readonly #maxStreams: number
  /** What the current section is. */
  #kind = 0
  /** Streams whose heads came in this read, and their requests. */
  readonly #asked: Stream[] = []
  readonly #requests: Request[] = []
  #goingAway = false

  constructor(host: ServerSessionHost, maxStreams: number) {
    super(host, true)
    this.host = host
    this.#maxStreams = maxStreams
  }

  /** Sends SETTINGS, and the window of the connection. */
  start(): void {
    writeSettings(this.out, [
      MAX_CONCURRENT_STREAMS, this.#maxStreams,
      MAX_HEADER_LIST_SIZE, this.maxList,
      ENABLE_CONNECT_PROTOCOL, 1,
      NO_RFC7540_PRIORITIES, 1
    ]) // prettier-ignore
    this.receiver.open()
  }

  protected get maxList(): number {
    // RFC 9113 §6.5.2 counts 32 bytes more per field than the head limit of HTTP/1.1 does.
    const { headBytes, headerCount } = this.host.limits
    return headBytes + 28 * Math.min(headerCount, headBytes >> 5)
  }

  /** A request that was reset within the same read (CVE-2023-44487, CVE-2025-8671) has cost only its parsing. */
  protected override readDone(): void {
    for (let i = 0; i < this.#asked.length; i++) {
      const stream = this.#asked[i]!
      if (!stream.localEnded) this.host.onRequest(stream, this.#requests[i]!)
    }
    this.#asked.length = 0
    this.#requests.length = 0
    super.readDone()
  }

  get goingAway(): boolean {
    return this.#goingAway
  }

  /** First step of a shutdown: asks the client to open no more streams. Those on their way are still served. */
  announceGoaway(): void {
    if (!this.over && !this.#goingAway) this.writeGoaway(MAX_WINDOW)
  }

  /** Second step: later streams are refused. */
  goaway(): void {
    if (this.over || this.#goingAway) return
    this.#goingAway = true
    this.writeGoaway(this.lastPeerId)
  }

  protected override onGoaway(): void {
    this.goaway()
    this.host.onClientGoaway()
  }

  /** `length`: Content-Length, or -1 for none. */
  respond(stream: Stream, status: number, fields: string, length: number, endStream = false): void {
    if (stream.localEnded) return
    stream.lastFrame = this.sender.sections.response(stream.id, status, fields, length)
    if (status >= 200) stream.headSent = true
    if (endStream) this.end(stream, '')
  }

  /** The client sends nothing more: incomplete requests will never be complete. */
  peerEnded(): void {
    for (const stream of this.streams.toArray()) {
      if (stream.remoteEnded) continue
      this.reset(stream.id, CANCEL, 'connection')
    }
  }

  /** RFC 9113 §8.1: the rest of the request is not needed, unless the stream is a tunnel. */
  protected override endedFirst(stream: Stream): void {
    if (stream.tunnel) return
    const { handler } = stream
    if (handler?.onEndedFirst === undefined) return this.reset(stream.id, NO_ERROR)
    this.receiver.discard(stream)
    handler.onEndedFirst()
  }

  protected override remoteEnd(stream: Stream, trailers: string): void {
    const late = stream.discards
    super.remoteEnd(stream, trailers)
    // curl up to 8 hears of the end of a stream that it ends itself only with the next frame.
    if (late) this.ping()
  }

  protected override sectionFor(id: number, endStream: boolean): FieldSink | undefined {
    const stream = this.streams.get(id)
    if (stream !== undefined) return this.#trailersFor(stream, endStream)
    if ((id & 1) === 0) {
      this.fail(PROTOCOL_ERROR, 'a stream of an even number')
      return undefined
    }
    if (id <= this.lastPeerId) {
      // Late fields of a stream that lb reset are only decoded.
      const way = this.closed.way(id)
      if (way === BY_US) this.glitch('late-frame')
      else this.fail(way === 0 ? PROTOCOL_ERROR : STREAM_CLOSED, 'HEADERS on a closed stream')
      return undefined
    }
    const full = this.streams.size >= this.#maxStreams
    // RFC 9113 §6.8: streams after GOAWAY are ignored, and lastPeerId stays the same.
    if (this.#goingAway) return undefined
    this.lastPeerId = id
    this.#kind = full ? REFUSED : NEW
    return section.begin()
  }

  #trailersFor(stream: Stream, endStream: boolean): FieldSink | undefined {
    if (stream.remoteEnded) {
      this.violation(stream.id, STREAM_CLOSED)
      return undefined
    }
    if (!endStream) {
      this.violation(stream.id, PROTOCOL_ERROR)
      return undefined
    }
    this.#kind = TRAILERS
    return trailers.begin()
  }

  protected override sectionDone(id: number, endStream: boolean, overflowed: boolean): void {
    if (this.#kind === TRAILERS) return this.#trailersDone(id, overflowed)
    if (this.#kind === REFUSED) {
      this.reset(id, REFUSED_STREAM)
      this.glitch('refused-stream')
      return
    }
    const failure = section.end(endStream, overflowed, this.host.limits, true)
    if (failure === MALFORMED_REQUEST) {
      this.reset(id, PROTOCOL_ERROR)
      this.glitch('malformed')
      return
    }
    const stream = this.open(id)
    this.host.onStreamOpened()
    stream.headReceived = true
    stream.remoteEnded = endStream
    stream.contentLeft = endStream ? -1 : section.contentLength
    stream.urgency = section.priority >> 1
    stream.incremental = (section.priority & 1) === 1
    // The request is passed on at the end of the read, even if none of its body has come.
    if (!endStream) this.touch(stream)
    if (failure === 0) {
      this.#asked.push(stream)
      this.#requests.push(section.request!)
      return
    }
    this.host.onBadRequest(stream, failure)
    this.glitch('malformed')
  }

  #trailersDone(id: number, overflowed: boolean): void {
    if (trailers.malformed || overflowed) {
      this.violation(id, PROTOCOL_ERROR)
      return
    }
    const stream = this.streams.get(id)
    if (stream === undefined) return
    this.touch(stream)
    this.remoteEnd(stream, trailers.text)
  }
}
