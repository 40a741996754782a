import { Pieces } from '../../../net/transport/pieces.ts'
import { DEFAULT_WINDOW } from '../frames/codes.ts'
import type { OutQueue } from '../frames/out-queue.ts'
import { writeWindowUpdate } from '../frames/write-frames.ts'
import type { Stream } from './stream/stream.ts'

/** The receive window of a connection: set right after SETTINGS. */
export const CONNECTION_WINDOW = 1_048_576
/**
 * The window of a stream once its body flows. Before, it is the initial window, which bounds how much of an unread body
 * is held.
 */
const FLOWING_WINDOW = 524_288
/** When more than this is held on a connection, its own window opens only as the bodies are read. */
const MAX_HELD = 2_097_152

/**
 * Receives DATA (RFC 9113 §5.2). A stream's window is credited with what its handler has read. The window of the
 * connection is credited at once, so that a stalled stream delays only itself; up to a bound.
 */
export class Receiver {
  readonly #out: OutQueue
  #window = DEFAULT_WINDOW
  #uncredited = 0
  #held = 0

  constructor(out: OutQueue) {
    this.#out = out
  }

  /** Opens the connection's window: after the first SETTINGS. */
  open(): void {
    writeWindowUpdate(this.#out, 0, CONNECTION_WINDOW - DEFAULT_WINDOW)
    this.#window = CONNECTION_WINDOW
  }

  /** A DATA frame begins; false when it exceeds the connection's window. */
  take(size: number): boolean {
    this.#window -= size
    return this.#window >= 0
  }

  /** No stream holds these bytes: the peer may send as many again. */
  credit(bytes: number): void {
    this.#uncredited += bytes
    if (this.#uncredited < CONNECTION_WINDOW / 2) return
    writeWindowUpdate(this.#out, 0, this.#uncredited)
    this.#window += this.#uncredited
    this.#uncredited = 0
  }

  /** Takes a part of a stream's body. */
  data(stream: Stream, buffer: Buffer, start: number, end: number): void {
    const size = end - start
    if (stream.flows && stream.heldBytes === 0) {
      this.credit(size)
      this.#taken(stream, size)
      stream.handler?.onData(buffer, start, end)
      return
    }
    if (stream.discards) {
      stream.dropped = true
      return this.skip(stream, size)
    }
    ;(stream.held ??= new Pieces()).add(buffer, start, end)
    stream.heldBytes += size
    this.#held += size
    if (this.#held > MAX_HELD) stream.owed += size
    else this.credit(size)
  }

  /** The message is complete; its handler hears of that once it has read what is held. */
  end(stream: Stream, trailers: string): void {
    if (stream.flows && stream.heldBytes === 0) stream.handler?.onDataEnd(trailers)
    else stream.heldEnd = trailers
  }

  /** The handler reads the body, from where it was held. */
  flow(stream: Stream): void {
    stream.flows = true
    const { held } = stream
    while (stream.flows && held !== undefined) {
      const bytes = held.shift()
      if (bytes === undefined) break
      this.#release(stream, bytes.length)
      this.#taken(stream, bytes.length)
      stream.handler?.onData(bytes, 0, bytes.length)
    }
    const trailers = stream.heldEnd
    if (!stream.flows || trailers === undefined) return
    stream.heldEnd = undefined
    stream.handler?.onDataEnd(trailers)
  }

  /** The stream is gone: what is held of it does not count any more. */
  drop(stream: Stream): void {
    stream.flows = false
    stream.held = undefined
    stream.heldEnd = undefined
    if (stream.heldBytes > 0) this.#release(stream, stream.heldBytes)
  }

  /** What is held and what else comes is dropped, and the peer may go on sending. */
  discard(stream: Stream): void {
    const held = stream.heldBytes
    this.drop(stream)
    stream.discards = true
    this.#taken(stream, held)
  }

  /** Bytes that no handler gets: padding and the byte with its length, and the rest of an answered request. */
  skip(stream: Stream, bytes: number): void {
    this.credit(bytes)
    this.#taken(stream, bytes)
  }

  #release(stream: Stream, bytes: number): void {
    stream.heldBytes -= bytes
    this.#held -= bytes
    const owed = Math.min(stream.owed, bytes)
    if (owed === 0) return
    stream.owed -= owed
    this.credit(owed)
  }

  #taken(stream: Stream, bytes: number): void {
    stream.uncredited += bytes
    if (stream.remoteEnded) return
    const half = stream.opened ? FLOWING_WINDOW / 2 : DEFAULT_WINDOW / 2
    if (stream.uncredited < half) return
    let increment = stream.uncredited
    if (!stream.opened) {
      stream.opened = true
      increment += FLOWING_WINDOW - DEFAULT_WINDOW
    }
    writeWindowUpdate(this.#out, stream.id, increment)
    stream.receiveWindow += increment
    stream.uncredited = 0
  }
}
