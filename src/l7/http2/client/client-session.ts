import { ENABLE_PUSH, PROTOCOL_ERROR, STREAM_CLOSED } from '../frames/codes.ts'
import { writePreface, writeSettings } from '../frames/write-frames.ts'
import type { FieldSink } from '../hpack/decoder.ts'
import {
  MAX_INTERIM,
  RESPONSE_FIELDS,
  RESPONSE_HEAD_BYTES,
  type UpstreamHead
} from '../../http1/parse/response-parser.ts'
import { Session } from '../session/session.ts'
import type { Stream } from '../session/stream/stream.ts'
import type { SessionHost } from '../session/stream/stream-set.ts'
import { TrailerSection } from '../session/send/trailer-section.ts'
import type { RequestLines } from './request-lines.ts'
import { ResponseSection } from './response-section.ts'

/** Receives the responses of a client's session. */
export interface ClientSessionHost extends SessionHost {
  /** The head of a response, interim ones included. */
  onHead(stream: Stream, head: UpstreamHead): void
  /** Streams above `last` were not processed; their handlers know already. */
  onGoaway(last: number): void
  onPong(): void
}

const section = new ResponseSection()
const trailers = new TrailerSection()
/** RFC 9113 §6.5.2 counts 32 bytes per field, and no separators. */
const MAX_LIST = RESPONSE_HEAD_BYTES + 28 * RESPONSE_FIELDS
/** Stream ids are limited; a connection close to the limit takes no more requests. */
const LAST_ID = 0x7fff_0000

/** The client's side of a connection: opens streams and interprets field sections. */
export class ClientSession extends Session {
  protected override readonly host: ClientSessionHost
  #trailing = false
  #goingAway = false

  constructor(host: ClientSessionHost) {
    super(host, false)
    this.host = host
  }

  protected get maxList(): number {
    return MAX_LIST
  }

  /** No further stream may be opened. */
  get goingAway(): boolean {
    return this.#goingAway || this.over || this.nextId > LAST_ID
  }

  start(): void {
    writePreface(this.out)
    writeSettings(this.out, [ENABLE_PUSH, 0])
    this.receiver.open()
  }

  /** Opens a stream with a request. `toHead`: no body follows, whatever the fields of the response say. */
  request({ pseudo, fields, endsApart }: RequestLines, endStream: boolean, toHead: boolean): Stream {
    const stream = this.open(this.nextId)
    this.nextId += 2
    stream.bodiless = toHead
    const endsHere = endStream && !endsApart
    const lastFrame = this.sender.sections.request(stream.id, pseudo, fields, endsHere)
    stream.localEnded = endsHere
    if (!endsApart) stream.lastFrame = lastFrame
    else if (endStream) this.end(stream, '')
    return stream
  }

  protected override onPong(): void {
    this.host.onPong()
  }

  protected override onGoaway(last: number, code: number): void {
    this.#goingAway = true
    for (const stream of this.streams.toArray()) if (stream.id > last) this.refuse(stream, code)
    this.host.onGoaway(last)
  }

  protected override sectionFor(id: number, endStream: boolean): FieldSink | undefined {
    const stream = this.streams.get(id)
    if (stream === undefined) {
      if (this.isIdle(id)) this.fail(PROTOCOL_ERROR, 'HEADERS on an idle stream')
      else this.lateFrame(id)
      return undefined
    }
    if (stream.remoteEnded) {
      this.violation(id, STREAM_CLOSED)
      return undefined
    }
    this.#trailing = stream.headReceived
    if (!this.#trailing) return section.begin()
    if (endStream) return trailers.begin()
    this.violation(id, PROTOCOL_ERROR)
    return undefined
  }

  protected override sectionDone(id: number, endStream: boolean, overflowed: boolean): void {
    const stream = this.streams.get(id)
    if (stream === undefined) return
    if (this.#trailing) {
      if (trailers.malformed || overflowed) this.violation(id, PROTOCOL_ERROR)
      else {
        this.touch(stream)
        this.remoteEnd(stream, trailers.text)
      }
      return
    }
    const head = overflowed ? undefined : section.end(endStream, stream.bodiless)
    if (head === undefined) {
      this.violation(id, PROTOCOL_ERROR)
      return
    }
    this.touch(stream)
    if (head.status < 200 && ++stream.interim > MAX_INTERIM) {
      this.violation(id, PROTOCOL_ERROR)
      return
    }
    if (head.status >= 200) {
      stream.headReceived = true
      const bodiless = stream.bodiless || head.status === 204 || head.status === 304
      stream.contentLeft = bodiless ? 0 : section.contentLength
    }
    this.host.onHead(stream, head)
    if (endStream && this.streams.get(id) === stream) this.remoteEnd(stream, '')
  }
}
