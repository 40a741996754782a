import {
  DATA,
  FLAG_PADDED,
  FRAME_HEAD,
  FRAME_SIZE_ERROR,
  HEADERS,
  LEAST_FRAME_SIZE,
  PREFACE,
  PROTOCOL_ERROR
} from './codes.ts'

/** Receives the frames that a FrameReader reads. */
export interface FrameSink {
  /** A whole frame of any type but DATA; its payload is valid during the call. Returns false to stop reading. */
  onFrame(type: number, flags: number, streamId: number, buffer: Buffer, start: number, end: number): boolean
  /**
   * A DATA frame begins. `size`: its payload with padding, which is what flow control counts; `padding`: how much of it
   * is padding.
   */
  onDataBegin(streamId: number, flags: number, size: number, padding: number): boolean
  /** Bytes of that frame, as they come. */
  onDataPart(streamId: number, buffer: Buffer, start: number, end: number): boolean
  /** The frame is complete, padding included. */
  onDataEnd(streamId: number, flags: number): boolean
  /** The frame layer is violated. Nothing more is read. */
  onBadFrame(code: number, reason: string): void
}

const IN_PREFACE = 0
const IN_HEAD = 1
const IN_PAYLOAD = 2
const IN_PAD_LENGTH = 3
const IN_DATA = 4
const IN_PADDING = 5
const STOPPED = 6

/**
 * Work that one slice does: bytes of frames, each of which counts for so many at least. DATA costs little per byte. A request
 * costs 20 µs, and 60 with a new connection to its backend: 16 of them in the first slice of a read, and 8 in the next ones.
 */
export const SLICE = 8_192
export const NEXT_SLICE = 4_096
/** What a connection of a client that is held back may do at once: four requests. */
export const SMALL_SLICE = 2_048
const LEAST_WORK = 64
const HEADERS_WORK = 512

/**
 * Splits the bytes of a connection into frames, in place: only a frame that spans several reads is copied. DATA is
 * passed on as it comes, since over TLS a frame of 16 KiB is never whole in one read.
 */
export class FrameReader {
  readonly #sink: FrameSink
  #state: number
  /** What has come of an incomplete preface, frame head or payload. */
  #held: Buffer | undefined
  #heldBytes = 0
  #prefaceAt = 0
  #type = 0
  #flags = 0
  #streamId = 0
  #size = 0
  /** Bytes of the current DATA frame that have yet to come. */
  #dataLeft = 0
  #paddingLeft = 0
  /** What this slice may still do. */
  #left = 0

  /** `expectsPreface`: the peer is a client. */
  constructor(sink: FrameSink, expectsPreface: boolean) {
    this.#sink = sink
    this.#state = expectsPreface ? IN_PREFACE : IN_HEAD
  }

  /** The client's preface has come, or none is expected. */
  get begun(): boolean {
    return this.#state !== IN_PREFACE
  }

  /** A frame other than DATA has come in part. */
  get withinFrame(): boolean {
    return this.#heldBytes > 0 || this.#state === IN_PAYLOAD
  }

  stop(): void {
    this.#state = STOPPED
    this.#held = undefined
  }

  /**
   * Reads frames until a slice of work is done, and returns where it stopped: small frames by the thousand, as an
   * attacker packs them into one read, would keep everybody else waiting for tens of milliseconds.
   */
  receive(buffer: Buffer, start: number, end: number, work = SLICE): number {
    let p = start
    this.#left = work
    while (p < end) {
      if (this.#left <= 0 && this.#mayStop(buffer, p, end)) return p
      switch (this.#state) {
        case IN_PREFACE:
          p = this.#readPreface(buffer, p, end)
          break
        case IN_HEAD:
          p = this.#readHead(buffer, p, end)
          break
        case IN_PAYLOAD:
          p = this.#readPayload(buffer, p, end)
          break
        case IN_PAD_LENGTH:
          p = this.#readPadLength(buffer, p)
          break
        case IN_DATA:
          p = this.#readData(buffer, p, end)
          break
        case IN_PADDING:
          p = this.#readPadding(p, end)
          break
        default:
          return end
      }
    }
    return end
  }

  /** Before HEADERS rather than behind it: a request that is reset right away should not have begun. */
  #mayStop(buffer: Buffer, p: number, end: number): boolean {
    if (this.#state !== IN_HEAD || this.#heldBytes > 0 || end - p < FRAME_HEAD) return false
    return buffer[p + 3] === HEADERS || this.#left <= -SLICE
  }

  #readPreface(buffer: Buffer, start: number, end: number): number {
    let p = start
    while (p < end && this.#prefaceAt < PREFACE.length) {
      if (buffer[p] !== PREFACE.charCodeAt(this.#prefaceAt)) {
        return this.#bad(PROTOCOL_ERROR, 'the connection does not begin with the HTTP/2 preface', end)
      }
      p++
      this.#prefaceAt++
    }
    if (this.#prefaceAt === PREFACE.length) this.#state = IN_HEAD
    return p
  }

  #readHead(buffer: Buffer, start: number, end: number): number {
    let head = buffer
    let at = start
    let after = start + FRAME_HEAD
    if (this.#heldBytes > 0 || end - start < FRAME_HEAD) {
      after = this.#hold(buffer, start, end, FRAME_HEAD)
      if (this.#heldBytes < FRAME_HEAD) return after
      head = this.#held!
      at = 0
      this.#heldBytes = 0
    }
    this.#size = (head[at]! << 16) | (head[at + 1]! << 8) | head[at + 2]!
    this.#type = head[at + 3]!
    this.#flags = head[at + 4]!
    this.#streamId =
      ((head[at + 5]! & 0x7f) << 24) | (head[at + 6]! << 16) | (head[at + 7]! << 8) | head[at + 8]!
    if (this.#size > LEAST_FRAME_SIZE) return this.#bad(FRAME_SIZE_ERROR, 'frame too large', end)
    if (this.#type === DATA) {
      this.#left -= LEAST_WORK
      return this.#beginData(after, end)
    }
    this.#left -= Math.max(this.#size, this.#type === HEADERS ? HEADERS_WORK : LEAST_WORK)
    this.#state = IN_PAYLOAD
    // A frame without payload must not wait for the next byte.
    return this.#size === 0 ? this.#readPayload(buffer, after, end) : after
  }

  #readPayload(buffer: Buffer, start: number, end: number): number {
    let payload = buffer
    let at = start
    let after = start + this.#size
    if (this.#heldBytes > 0 || after > end) {
      after = this.#hold(buffer, start, end, this.#size)
      if (this.#heldBytes < this.#size) return after
      payload = this.#held!
      at = 0
      this.#heldBytes = 0
      this.#held = undefined
    }
    this.#state = IN_HEAD
    const ok = this.#sink.onFrame(this.#type, this.#flags, this.#streamId, payload, at, at + this.#size)
    return ok ? after : this.#stopAt(end)
  }

  #beginData(after: number, end: number): number {
    if ((this.#flags & FLAG_PADDED) !== 0) {
      if (this.#size === 0) return this.#bad(FRAME_SIZE_ERROR, 'padded DATA without a pad length', end)
      this.#state = IN_PAD_LENGTH
      return after
    }
    return this.#enterData(this.#size, 0, after, end)
  }

  #readPadLength(buffer: Buffer, p: number): number {
    const padding = buffer[p]!
    // RFC 9113 §6.1: padding as long as the payload, or longer, is a connection error.
    if (padding >= this.#size) return this.#bad(PROTOCOL_ERROR, 'padding longer than the frame', p + 1)
    return this.#enterData(this.#size - 1 - padding, padding, p + 1, p + 1)
  }

  #enterData(data: number, padding: number, after: number, end: number): number {
    this.#dataLeft = data
    this.#paddingLeft = padding
    this.#state = IN_DATA
    const padded = (this.#flags & FLAG_PADDED) !== 0 ? padding + 1 : 0
    if (!this.#sink.onDataBegin(this.#streamId, this.#flags, this.#size, padded)) {
      return this.#stopAt(end)
    }
    if (data > 0) return after
    if (padding > 0) this.#state = IN_PADDING
    else if (!this.#endData()) return this.#stopAt(end)
    return after
  }

  #readData(buffer: Buffer, start: number, end: number): number {
    const after = Math.min(end, start + this.#dataLeft)
    this.#dataLeft -= after - start
    if (!this.#sink.onDataPart(this.#streamId, buffer, start, after)) return this.#stopAt(end)
    if (this.#dataLeft > 0) return after
    if (this.#paddingLeft > 0) this.#state = IN_PADDING
    else if (!this.#endData()) return this.#stopAt(end)
    return after
  }

  #readPadding(start: number, end: number): number {
    const after = Math.min(end, start + this.#paddingLeft)
    this.#paddingLeft -= after - start
    if (this.#paddingLeft === 0 && !this.#endData()) return this.#stopAt(end)
    return after
  }

  #endData(): boolean {
    this.#state = IN_HEAD
    return this.#sink.onDataEnd(this.#streamId, this.#flags)
  }

  /** Collects up to `size` bytes; returns the position up to which bytes were used. */
  #hold(buffer: Buffer, start: number, end: number, size: number): number {
    if (this.#held === undefined || this.#held.length < size) {
      const larger = Buffer.allocUnsafeSlow(Math.max(size, FRAME_HEAD))
      if (this.#heldBytes > 0) this.#held!.copy(larger, 0, 0, this.#heldBytes)
      this.#held = larger
    }
    const take = Math.min(size - this.#heldBytes, end - start)
    buffer.copy(this.#held, this.#heldBytes, start, start + take)
    this.#heldBytes += take
    return start + take
  }

  #bad(code: number, reason: string, end: number): number {
    this.stop()
    this.#sink.onBadFrame(code, reason)
    return end
  }

  #stopAt(end: number): number {
    this.stop()
    return end
  }
}
