import { DEFAULT_WINDOW } from '../frames/codes.ts'
import type { OutQueue } from '../frames/out-queue.ts'
import { writeWindowUpdate } from '../frames/write-frames.ts'
import type { Stream } from './stream/stream.ts'

/** The receive window of a connection: set right after SETTINGS. */
export const CONNECTION_WINDOW = 1_048_576
/** A stream's, once its body flows. Before, it is the initial one: so much is held of a body that nobody takes yet. */
const FLOWING_WINDOW = 524_288
/** With more than this held on a connection, its own window opens only as the bodies are taken. */
const MAX_HELD = 2_097_152

/**
 * Receives DATA (RFC 9113 §5.2). A stream's window is credited for what its handler has taken. The connection's is
 * credited at once, so that a stream which stands still holds up only itself; up to a bound.
 */
export class Receiver {
  readonly #out: OutQueue
  #window = DEFAULT_WINDOW
  #uncredited = 0
  #held = 0

  constructor(out: OutQueue) {
    this.#out = out
  }

  /** Opens the connection's window: behind the first SETTINGS. */
  open(): void {
    writeWindowUpdate(this.#out, 0, CONNECTION_WINDOW - DEFAULT_WINDOW)
    this.#window = CONNECTION_WINDOW
  }

  /** A DATA frame begins; false: larger than the connection's window. */
  take(size: number): boolean {
    this.#window -= size
    return this.#window >= 0
  }

  /** Bytes that no stream holds: the connection may send as many again. */
  credit(bytes: number): void {
    this.#uncredited += bytes
    if (this.#uncredited < CONNECTION_WINDOW / 2) return
    writeWindowUpdate(this.#out, 0, this.#uncredited)
    this.#window += this.#uncredited
    this.#uncredited = 0
  }

  /** Part of a stream's body. */
  data(stream: Stream, buffer: Buffer, start: number, end: number): void {
    const size = end - start
    if (stream.flows && stream.heldBytes === 0) {
      this.credit(size)
      this.#taken(stream, size)
      stream.handler?.onData(buffer, start, end)
      return
    }
    if (stream.discards) return this.credit(size)
    ;(stream.held ??= []).push(Buffer.from(buffer.subarray(start, end)))
    stream.heldBytes += size
    this.#held += size
    if (this.#held > MAX_HELD) stream.owed += size
    else this.credit(size)
  }

  /** The message is complete; told once what is held has been taken. */
  end(stream: Stream, trailers: string): void {
    if (stream.flows && stream.heldBytes === 0) stream.handler?.onDataEnd(trailers)
    else stream.heldEnd = trailers
  }

  /** The handler takes the body, from where it was held up. */
  flow(stream: Stream): void {
    stream.flows = true
    const { held } = stream
    while (stream.flows && held !== undefined && held.length > 0) {
      const bytes = held.shift()!
      this.#release(stream, bytes.length)
      this.#taken(stream, bytes.length)
      stream.handler?.onData(bytes, 0, bytes.length)
    }
    const trailers = stream.heldEnd
    if (!stream.flows || trailers === undefined) return
    stream.heldEnd = undefined
    stream.handler?.onDataEnd(trailers)
  }

  /** The stream is gone: what is held of it counts no longer. */
  drop(stream: Stream): void {
    stream.flows = false
    stream.held = undefined
    stream.heldEnd = undefined
    if (stream.heldBytes > 0) this.#release(stream, stream.heldBytes)
  }

  /** What else comes of the stream is dropped; its own window opens no more, so a large upload ends there. */
  discard(stream: Stream): void {
    this.drop(stream)
    stream.discards = true
  }

  /** Padding, and the byte that tells its length: nobody takes it. */
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
    if (stream.remoteEnded || stream.discards) return
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
