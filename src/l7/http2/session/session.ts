import {
  COMPRESSION_ERROR,
  CONTINUATION,
  ENHANCE_YOUR_CALM,
  FLAG_ACK,
  FLAG_END_HEADERS,
  FLAG_END_STREAM,
  FLOW_CONTROL_ERROR,
  FRAME_SIZE_ERROR,
  GOAWAY,
  HEADERS,
  PING,
  PRIORITY,
  PRIORITY_UPDATE,
  PROTOCOL_ERROR,
  PUSH_PROMISE,
  RST_STREAM,
  SETTINGS,
  STREAM_CLOSED,
  WINDOW_UPDATE
} from '../frames/codes.ts'
import { FrameReader, SLICE, type FrameSink } from '../frames/frame-reader.ts'
import { get32 } from '../frames/write-frames.ts'
import { Decoder, type FieldSink } from '../hpack/decoder.ts'
import { BlockBuffer, isSmallContinuation } from './block-buffer.ts'
import { BY_US } from './stream/closed-ids.ts'
import { readHeadersPayload } from './payloads.ts'
import { ControlFrames } from './control-frames.ts'
import type { SessionHost } from './stream/stream-set.ts'

/**
 * One HTTP/2 connection without its socket: it is fed bytes, and time in `now`; it leaves bytes in `out` and calls the
 * handlers of its streams. No input makes it throw: a violation ends a stream or the connection, as RFC 9113 says.
 * Client and server differ in what a field section means.
 */
export abstract class Session extends ControlFrames implements FrameSink {
  protected readonly reader: FrameReader
  #decoder: Decoder | undefined
  readonly #block = new BlockBuffer()
  /** The current DATA frame belongs to a stream, and is credited as it comes. */
  #inData = false

  constructor(host: SessionHost, server: boolean) {
    super(host, server)
    this.reader = new FrameReader(this, server)
  }

  /** The sink for a section on this stream; undefined when it is only decoded to keep the table right. */
  protected abstract sectionFor(streamId: number, endStream: boolean): FieldSink | undefined
  /** The section of `sectionFor` is complete; `overflowed`: not all of its fields were reported. */
  protected abstract sectionDone(streamId: number, endStream: boolean, overflowed: boolean): void
  protected abstract readonly maxList: number
  protected onGoaway(_lastStreamId: number, _code: number): void {}

  /** A frame or a field section has begun and is not complete. */
  get withinFrame(): boolean {
    return !this.reader.begun || this.reader.withinFrame || this.#block.open
  }

  receive(buffer: Buffer, start: number, end: number): void {
    let at = start
    while (at < end) at = this.receiveSlice(buffer, at, end)
  }

  /** Receives as much as may be done at a time; returns where that ends. */
  receiveSlice(buffer: Buffer, start: number, end: number, work = SLICE): number {
    if (this.over) return end
    const at = this.reader.receive(buffer, start, end, work)
    this.readDone()
    return at
  }

  protected stopReading(): void {
    this.reader.stop()
  }

  onBadFrame(code: number, reason: string): void {
    this.fail(code, reason)
  }

  onFrame(type: number, flags: number, id: number, buffer: Buffer, start: number, end: number): boolean {
    if (this.#block.open && (type !== CONTINUATION || id !== this.#block.streamId)) {
      return this.fail(PROTOCOL_ERROR, 'another frame within a field section')
    }
    if (!this.settled && (type !== SETTINGS || (flags & FLAG_ACK) !== 0)) {
      return this.fail(PROTOCOL_ERROR, 'the first frame is not SETTINGS')
    }
    switch (type) {
      case HEADERS:
        return this.#onHeaders(flags, id, buffer, start, end)
      case CONTINUATION:
        return this.#onContinuation(flags, buffer, start, end)
      case SETTINGS:
        return this.onSettings(flags, id, buffer, start, end)
      case WINDOW_UPDATE:
        return this.onWindowUpdate(id, buffer, start, end)
      case RST_STREAM:
        if (id === 0 || this.isIdle(id)) return this.fail(PROTOCOL_ERROR, 'RST_STREAM on an idle stream')
        if (end - start !== 4) return this.fail(FRAME_SIZE_ERROR, 'RST_STREAM of a wrong size')
        return this.peerReset(id, get32(buffer, start))
      case PING:
        return this.onPing(flags, id, buffer, start, end)
      case GOAWAY:
        if (id !== 0) return this.fail(PROTOCOL_ERROR, 'GOAWAY on a stream')
        if (end - start < 8) return this.fail(FRAME_SIZE_ERROR, 'GOAWAY too short')
        this.onGoaway(get32(buffer, start) & 0x7fff_ffff, get32(buffer, start + 4))
        return !this.over
      case PRIORITY:
        return this.onPriority(id, buffer, start, end)
      case PRIORITY_UPDATE:
        return this.onPriorityUpdate(id, buffer, start, end)
      case PUSH_PROMISE:
        return this.fail(PROTOCOL_ERROR, 'PUSH_PROMISE, which is not allowed')
      default:
        // RFC 9113 §5.5: unknown types are ignored.
        return this.glitch('unknown-frame')
    }
  }

  #onHeaders(flags: number, id: number, buffer: Buffer, start: number, end: number): boolean {
    if (id === 0) return this.fail(PROTOCOL_ERROR, 'HEADERS on stream 0')
    const payload = readHeadersPayload(flags, id, buffer, start, end)
    if (payload.failure !== 0) return this.fail(payload.failure, 'malformed HEADERS')
    const endStream = (flags & FLAG_END_STREAM) !== 0
    if ((flags & FLAG_END_HEADERS) === 0) {
      this.#block.begin(id, endStream, buffer, payload.start, payload.end)
      return true
    }
    return this.#decode(id, endStream, buffer, payload.start, payload.end, payload.selfDependent)
  }

  #onContinuation(flags: number, buffer: Buffer, start: number, end: number): boolean {
    if (!this.#block.open) return this.fail(PROTOCOL_ERROR, 'CONTINUATION without HEADERS')
    // A section over the limit is decoded and answered; one far over it is not even collected.
    if (!this.#block.add(buffer, start, end, Math.max(2 * this.maxList, 65_536))) {
      return this.fail(ENHANCE_YOUR_CALM, 'field section too long')
    }
    const last = (flags & FLAG_END_HEADERS) !== 0
    if (!last) return !isSmallContinuation(end - start) || this.glitch('continuation')
    const { streamId, endStream } = this.#block
    const block = this.#block.take()
    return this.#decode(streamId, endStream, block, 0, block.length, false)
  }

  #decode(
    id: number,
    endStream: boolean,
    buffer: Buffer,
    start: number,
    end: number,
    selfDependent: boolean
  ): boolean {
    const sink = this.sectionFor(id, endStream)
    if (this.over) return false
    const decoder = (this.#decoder ??= new Decoder())
    if (!decoder.decode(buffer, start, end, this.maxList, sink ?? nobody)) {
      return this.fail(COMPRESSION_ERROR, 'malformed field section')
    }
    if (sink === undefined) return !this.over
    if (selfDependent) return this.violation(id, PROTOCOL_ERROR)
    this.sectionDone(id, endStream, decoder.overflowed)
    return !this.over
  }

  onDataBegin(id: number, flags: number, size: number, padding: number): boolean {
    if (this.#block.open) return this.fail(PROTOCOL_ERROR, 'DATA within a field section')
    if (!this.settled) return this.fail(PROTOCOL_ERROR, 'the first frame is not SETTINGS')
    if (id === 0 || this.isIdle(id)) return this.fail(PROTOCOL_ERROR, 'DATA on an idle stream')
    this.#inData = false
    if (!this.receiver.take(size)) return this.fail(FLOW_CONTROL_ERROR, 'more DATA than the window')
    const stream = this.streams.get(id)
    if (stream === undefined || stream.remoteEnded) {
      this.receiver.credit(size)
      if (stream !== undefined) return this.violation(id, STREAM_CLOSED)
      return this.lateFrame(id, size > 0)
    }
    if (!stream.headReceived) {
      this.receiver.credit(size)
      return this.violation(id, PROTOCOL_ERROR)
    }
    stream.receiveWindow -= size
    if (stream.receiveWindow < 0) {
      this.receiver.credit(size)
      return this.violation(id, FLOW_CONTROL_ERROR)
    }
    if (size === padding && (flags & FLAG_END_STREAM) === 0 && !this.glitch('empty-data')) return false
    if (stream.contentLeft >= 0 && size - padding > stream.contentLeft) {
      this.receiver.credit(size)
      return this.violation(id, PROTOCOL_ERROR)
    }
    if (stream.contentLeft > 0) stream.contentLeft -= size - padding
    // curl breaks off an answered request by a frame without data; one with data lies about the length.
    const isLast = (flags & FLAG_END_STREAM) !== 0 && size > padding
    if (isLast && stream.discards && stream.contentLeft > 0) {
      this.receiver.credit(size)
      return this.violation(id, PROTOCOL_ERROR)
    }
    if (padding > 0) this.receiver.skip(stream, padding)
    this.#inData = true
    return true
  }

  onDataPart(id: number, buffer: Buffer, start: number, end: number): boolean {
    const stream = this.streams.get(id)
    if (stream !== undefined && !stream.remoteEnded) {
      this.touch(stream)
      this.receiver.data(stream, buffer, start, end)
    } else if (this.#inData) {
      // The stream was reset since the frame began: the rest is dropped.
      this.receiver.credit(end - start)
    }
    return !this.over
  }

  onDataEnd(id: number, flags: number): boolean {
    const stream = this.streams.get(id)
    if (stream !== undefined && !stream.remoteEnded && (flags & FLAG_END_STREAM) !== 0) {
      this.touch(stream)
      this.remoteEnd(stream, '')
    }
    return !this.over
  }

  /** A frame on a stream that closed before; `free`: it costs the peer nothing. */
  protected lateFrame(id: number, free = false): boolean {
    const way = this.closed.way(id)
    if (way !== 0 && way !== BY_US) return this.fail(STREAM_CLOSED, 'a frame on a closed stream')
    return free || this.glitch('late-frame')
  }
}

const nobody: FieldSink = { onField() {} }
