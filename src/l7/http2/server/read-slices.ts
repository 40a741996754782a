import { guarded, type Contained } from '../../../core/containment.ts'
import { readTurns } from '../../../net/transport/turns.ts'
import type { Transport } from '../../../net/transport/transport.ts'
import { NEXT_SLICE, SLICE, SMALL_SLICE } from '../frames/frame-reader.ts'
import type { Session } from '../session/session.ts'

/** A connection that reads in slices. */
export interface Sliced extends Contained {
  readonly now: number
  /** Nothing more is read. */
  readonly closing: boolean
  readonly holdBack: {
    /** The client is held back: the slice is a small one. */
    readonly applies: boolean
    /** There was more than a small slice. True: the rest is read after `release`. */
    holds(): boolean
  }
  /** Some bytes have been read. */
  onSlice(): void
  onEnd(): void
}

/**
 * Gives a connection a slice of what it has read in each turn of the event loop. While some is left, nothing more is
 * read, so that a flood on one connection delays the others by a slice at a time, and not by all that a socket holds.
 */
export class ReadSlices {
  /** Bytes are being read. */
  reading = false
  readonly #transport: Transport
  readonly #session: Session
  readonly #owner: Sliced
  #left: Buffer | undefined
  #ended = false

  constructor(transport: Transport, session: Session, owner: Sliced) {
    this.#transport = transport
    this.#session = session
    this.#owner = owner
  }

  take(buffer: Buffer, start: number, end: number): void {
    // A transport may have read more before it was paused.
    if (this.#left !== undefined) {
      this.#left = Buffer.concat([this.#left, buffer.subarray(start, end)])
      return
    }
    const { applies } = this.#owner.holdBack
    const at = this.#slice(buffer, start, end, applies ? SMALL_SLICE : SLICE)
    if (at === end) return
    const held = applies && this.#owner.holdBack.holds()
    this.#left = Buffer.from(buffer.subarray(at, end))
    this.#transport.pause()
    if (!held) this.#later()
  }

  release(): void {
    this.#later()
  }

  /** True: the owner is told of the end once it has read what is left. */
  keepsEnd(): boolean {
    if (this.#left !== undefined) this.#ended = true
    return this.#ended
  }

  /** The connection is closed. */
  drop(): void {
    this.#left = undefined
    this.#ended = this.reading = false
  }

  #slice(buffer: Buffer, start: number, end: number, work: number): number {
    if (this.#owner.closing) return end
    this.#session.now = this.#owner.now
    this.reading = true
    const at = this.#session.receiveSlice(buffer, start, end, work)
    this.reading = false
    this.#owner.onSlice()
    return at
  }

  #later(): void {
    readTurns.later(() => guarded(() => this.#goOn(), this.#owner))
  }

  #goOn(): void {
    const left = this.#left
    if (left === undefined) return
    const at = this.#slice(left, 0, left.length, NEXT_SLICE)
    // The connection may have closed.
    if (this.#left === undefined) return
    if (at < this.#left.length) {
      this.#left = this.#left.subarray(at)
      return this.#later()
    }
    const ended = this.#ended
    this.drop()
    this.#transport.resume()
    if (ended) this.#owner.onEnd()
  }
}
