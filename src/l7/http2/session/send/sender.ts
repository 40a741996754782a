import { Pieces } from '../../../../net/transport/pieces.ts'
import { Roster } from '../../../../core/roster.ts'
import { writeLatin1 } from '../../../../core/latin1.ts'
import {
  DATA,
  DEFAULT_WINDOW,
  FLAG_END_STREAM,
  FLOW_CONTROL_ERROR,
  FRAME_HEAD,
  LEAST_FRAME_SIZE,
  MAX_WINDOW
} from '../../frames/codes.ts'
import { OutQueue } from '../../frames/out-queue.ts'
import { putHead } from '../../frames/write-frames.ts'
import { SectionWriter } from './section-writer.ts'
import { SendOrder } from './send-order.ts'
import type { Stream } from '../stream/stream.ts'

/** When more bytes than this wait on the connection, sources of bodies are paused. */
export const HIGH_WATER = 262_144
/**
 * When more than this wait, bytes stay in their streams, where priorities apply. Below, that would be a needless copy.
 */
const MOST_FRAMED = 1_048_576
/** When the chunk is nearly full, DATA frames smaller than this are not worth their head. */
const LEAST_PIECE = 1024
/** WINDOW_UPDATEs that each frame of DATA accounts for, and how many may be saved up. */
const UPDATES_PER_FRAME = 4
const MAX_UPDATES = 1000
/** A frame that a window cuts to fewer bytes than this takes from what is saved up: nobody gains by such windows. */
const LEAST_WINDOW = 64
/** So many updates; less than a frame gives, since odd windows leave something over behind a whole frame. */
const TINY_FRAME = 2

const byPlace = {
  get: ({ place }: Stream) => place,
  set: (stream: Stream, at: number) => {
    stream.place = at
  }
}

/** What a connection sends: field sections, and DATA as far as both windows allow; the rest waits in its stream. */
export class Sender {
  readonly out = new OutQueue()
  readonly sections = new SectionWriter(this.out)
  readonly #order = new SendOrder()
  readonly #ended: (stream: Stream) => void
  /** The connection's window. */
  #window = DEFAULT_WINDOW
  /** Streams whose sources were paused. */
  readonly #waiting = new Roster<Stream>(byPlace)
  #updates = MAX_UPDATES

  /** `ended` is called when END_STREAM of a stream has been written. */
  constructor(ended: (stream: Stream) => void) {
    this.#ended = ended
  }

  get window(): number {
    return this.#window
  }

  /** How many streams have waiting bytes. */
  get waiting(): number {
    return this.#order.size
  }

  /** Nothing of the stream waits, and the connection takes more. When false, its `onDrain` follows. */
  flowing(stream: Stream): boolean {
    if (stream.pendingBytes === 0 && this.out.bytes < HIGH_WATER) return true
    stream.waits = true
    this.#waiting.add(stream)
    return false
  }

  data(stream: Stream, bytes: Buffer, start: number, end: number, owned: boolean): void {
    let p = start
    if (stream.pendingBytes === 0) {
      while (p < end && stream.sendWindow > 0 && this.#window > 0 && this.out.bytes < MOST_FRAMED) {
        p += this.#frame(stream, bytes, p, end)
      }
      if (p === end) return
      this.#order.add(stream)
    }
    const pending = (stream.pending ??= new Pieces())
    if (owned) pending.give(bytes.subarray(p, end))
    else pending.add(bytes, p, end)
    stream.pendingBytes += end - p
  }

  /** As `data`, for a small piece that is a latin1 string already. */
  text(stream: Stream, text: string): void {
    const size = text.length
    if (size === 0) return
    const fits = size <= LEAST_FRAME_SIZE && size <= stream.sendWindow && size <= this.#window
    if (!fits || stream.pendingBytes > 0 || this.out.bytes >= MOST_FRAMED) {
      const bytes = Buffer.from(text, 'latin1')
      return this.data(stream, bytes, 0, bytes.length, true)
    }
    const { out } = this
    out.reserve(FRAME_HEAD + size)
    stream.lastFrame = out.position
    putHead(out.buffer, out.at, size, DATA, 0, stream.id)
    out.at += FRAME_HEAD
    out.at += writeLatin1(out.buffer, text, out.at)
    this.#sent(stream, size)
  }

  /** The message is complete. */
  end(stream: Stream, trailers: string): void {
    if (stream.pendingBytes > 0) stream.endTrailers = trailers
    else this.#writeEnd(stream, trailers)
  }

  /** Sends what waits, as far as allowed: a window opened, or the connection has written. */
  pump(): void {
    while (this.#order.size > 0 && this.#window > 0 && this.out.bytes < HIGH_WATER) {
      const stream = this.#order.next()
      if (stream === undefined) break
      this.#sendPending(stream)
    }
    if (this.#waiting.size > 0) this.#drain()
  }

  #drain(): void {
    this.#waiting.forEach((stream) => {
      if (this.out.bytes >= HIGH_WATER) return false
      if (stream.pendingBytes > 0) return true
      this.#waiting.delete(stream)
      stream.waits = false
      stream.handler?.onDrain()
      return true
    })
  }

  /** The stream is gone: its waiting bytes are not sent. */
  drop(stream: Stream): void {
    if (stream.pendingBytes > 0) this.#order.remove(stream)
    stream.pending = undefined
    stream.pendingBytes = 0
    stream.endTrailers = undefined
    this.#waiting.delete(stream)
  }

  /** The urgency was changed by PRIORITY_UPDATE. */
  reorder(stream: Stream, priority: number): void {
    if (stream.pendingBytes > 0) this.#order.remove(stream)
    stream.urgency = priority >> 1
    stream.incremental = (priority & 1) === 1
    if (stream.pendingBytes > 0) this.#order.add(stream)
  }

  /** WINDOW_UPDATE of the connection; returns an error code or 0. */
  widen(increment: number): number {
    if (this.#window + increment > MAX_WINDOW) return FLOW_CONTROL_ERROR
    this.#window += increment
    return 0
  }

  /** A WINDOW_UPDATE has come; false when no DATA of lb accounts for it. */
  accountsForUpdate(): boolean {
    if (this.#updates === 0) return false
    this.#updates--
    return true
  }

  #sendPending(stream: Stream): void {
    const pending = stream.pending!
    const first = pending.first()!
    const size = this.#frame(stream, first, 0, first.length)
    stream.pendingBytes -= size
    if (size < first.length) pending.cut(size)
    else pending.shift()
    if (stream.pendingBytes > 0) return
    this.#order.remove(stream)
    const trailers = stream.endTrailers
    if (trailers === undefined) return
    stream.endTrailers = undefined
    this.#writeEnd(stream, trailers)
  }

  /** Writes one frame of DATA; the windows are open. */
  #frame(stream: Stream, bytes: Buffer, start: number, end: number): number {
    const { out } = this
    let size = Math.min(end - start, LEAST_FRAME_SIZE, stream.sendWindow, this.#window)
    const room = out.room - FRAME_HEAD
    if (room < size && room >= LEAST_PIECE) size = room
    out.reserve(FRAME_HEAD + size)
    stream.lastFrame = out.position
    putHead(out.buffer, out.at, size, DATA, 0, stream.id)
    out.at += FRAME_HEAD
    bytes.copy(out.buffer, out.at, start, start + size)
    out.at += size
    const tiny =
      size < LEAST_WINDOW && size < end - start && (size === stream.sendWindow || size === this.#window)
    this.#sent(stream, size, tiny ? -TINY_FRAME : UPDATES_PER_FRAME)
    return size
  }

  #sent(stream: Stream, size: number, updates = UPDATES_PER_FRAME): void {
    stream.sendWindow -= size
    this.#window -= size
    this.#updates = Math.max(0, Math.min(MAX_UPDATES, this.#updates + updates))
  }

  #writeEnd(stream: Stream, trailers: string): void {
    const { out } = this
    if (trailers !== '') this.sections.trailers(stream.id, trailers)
    else if (stream.lastFrame === -1 || !out.endStreamAt(stream.lastFrame)) {
      out.reserve(FRAME_HEAD)
      putHead(out.buffer, out.at, 0, DATA, FLAG_END_STREAM, stream.id)
      out.at += FRAME_HEAD
    }
    stream.localEnded = true
    this.#ended(stream)
  }
}
