import type { Deadlines, Waits } from '../../core/deadlines.ts'
import type { ByteStream } from '../../net/transport/byte-stream.ts'
import type { TransportOwner } from '../../net/transport/transport.ts'
import type { Held } from './held-bytes.ts'

export type { Held } from './held-bytes.ts'

/** Why a splice ended: what happened first. */
export type SpliceReason =
  | 'client-closed'
  | 'upstream-closed'
  | 'client-reset'
  | 'upstream-reset'
  | 'idle'
  | 'half-close-timeout'
  | CutReason

/** Why we ended it. */
export type CutReason = 'drained' | 'backend-down' | 'shutdown' | 'internal'

/**
 * A side that broke off may have sent a message just before ("too many connections"). The other side gets that message
 * before the reset: a reset can overtake bytes on their way, and discards what the kernel has not sent. No system call tells
 * Node when the peer has everything, so lb waits this long after the last byte went to the kernel; longer where it had to
 * wait for a slow reader.
 */
const LAST_WORDS_MS = 200
const SLOW_LAST_WORDS_MS = 2_000

/** The most that an alert of TLS takes. */
const CLOSE_NOTIFY_BYTES = 100

export interface SpliceEnd {
  readonly reason: SpliceReason
  /** The error by which a side broke off, for the two resets. */
  readonly error: NodeJS.ErrnoException | undefined
}

export interface SpliceOptions {
  readonly deadlines: Deadlines
  /** Without a byte in either direction for this long, both sides are closed. */
  readonly idleMs: number
  /** The same after one side's FIN. */
  readonly halfCloseMs: number
  /** Bytes relayed, counted as they pass: towards the backend (`in`) and towards the client (`out`). */
  readonly counters?: { readonly in: ByteCounter; readonly out: ByteCounter; readonly listener?: string }
}

export interface ByteCounter {
  add(bytes: number): void
}

/**
 * Relays bytes both ways until both sides have ended. A FIN is passed on as FIN once what came before it is written,
 * a RST as RST. Memory is bounded: a side is read only while the other takes what it sends, so at most one read
 * (64 KiB) per direction waits in this process.
 *
 * Takes both transports over: nobody else may write to them, and `onEnd` is called once, when both are closed.
 */
export function splice(
  downstream: ByteStream,
  upstream: ByteStream,
  options: SpliceOptions,
  onEnd: (end: SpliceEnd) => void,
  held?: Held
): Splice {
  return new Splice(downstream, upstream, options, onEnd, held)
}

export class Splice implements Waits {
  deadline: number
  readonly #options: SpliceOptions
  readonly #onEnd: (end: SpliceEnd) => void
  readonly #down: Side
  readonly #up: Side
  /** idleMs, then halfCloseMs. */
  #patienceMs: number
  #reason: SpliceReason | undefined
  #error: NodeJS.ErrnoException | undefined
  #over = false
  /** The side that is still to get what the other one sent before it broke off. */
  #listening: Side | undefined
  /** It had to wait for the kernel, at most until then; 0: it did not, or has all. */
  #listensUntil = 0

  constructor(
    downstream: ByteStream,
    upstream: ByteStream,
    options: SpliceOptions,
    onEnd: (end: SpliceEnd) => void,
    held: Held | undefined
  ) {
    this.#options = options
    this.#onEnd = onEnd
    this.#patienceMs = options.idleMs
    options.deadlines.add(this)
    this.deadline = options.deadlines.now + options.idleMs
    const down = (this.#down = new Side(this, downstream, 'client', options.counters?.in))
    const up = (this.#up = new Side(this, upstream, 'upstream', options.counters?.out))
    down.peer = up
    up.peer = down
    downstream.owner = down
    upstream.owner = up
    downstream.readsOut = upstream.readsOut = true
    if (held !== undefined) down.begin(held)
    else down.resume()
    up.resume()
  }

  /** Ends it from our side: with RST, since neither side has sent a FIN. */
  cut(reason: CutReason): void {
    this.#close(reason, undefined)
  }

  /** One of its callbacks threw: both sides are reset. */
  onInternalError(): string | undefined {
    this.cut('internal')
    // Where the end itself threw, `onEnd` has not been called yet.
    this.#finish()
    return this.#options.counters?.listener
  }

  /** A byte moved. The coarse clock of the sweep is enough: a store per read instead of a timer. */
  touch(): void {
    this.deadline = this.#options.deadlines.now + this.#patienceMs
  }

  /** Internal, called by a side: its peer's FIN has come. */
  ended(side: Side): void {
    this.#reason ??= side.name === 'client' ? 'client-closed' : 'upstream-closed'
    side.sentBefore = side.transport.bytesOut
    this.#patienceMs = this.#options.halfCloseMs
    this.touch()
  }

  /** Internal, called by a side: its transport is closed. */
  closed(side: Side, error: NodeJS.ErrnoException | undefined): void {
    if (error !== undefined) {
      this.#broken(side, error)
    } else if (!side.ended || !side.peer.ended) {
      // It was not closed by FINs of both sides: it was destroyed.
      this.#close(side.name === 'client' ? 'client-closed' : 'upstream-closed', undefined)
    }
    this.#finish()
  }

  #finish(): void {
    if (this.#over || !this.#down.closed || !this.#up.closed) return
    this.#options.deadlines.remove(this)
    this.#onEnd({ reason: this.#reason!, error: this.#error })
    this.#over = true
  }

  /** Internal, called by a side: what waited for it has gone to the kernel. */
  drained(side: Side): void {
    if (this.#listening !== side) this.touch()
    else if (side.transport.pending === 0) this.#allIsGone()
  }

  onDeadline(): void {
    if (this.#listening !== undefined) return this.#lookAt(this.#listening.transport)
    const orderly = this.#down.transport.pending === 0 && this.#up.transport.pending === 0
    const reason = this.#down.ended || this.#up.ended ? 'half-close-timeout' : 'idle'
    if (!orderly) return this.#close(reason, undefined)
    // Everything that was sent has been passed on, so both get a FIN instead of a reset.
    this.#settle(reason, undefined)
    this.#down.transport.destroy()
    this.#up.transport.destroy()
  }

  /** Of the last words of the side that broke off nothing waits in this process any more. */
  #allIsGone(): void {
    this.#listensUntil = 0
    this.deadline = this.#options.deadlines.now + SLOW_LAST_WORDS_MS
  }

  /** A transport tells that it has drained only where it had refused more: of little that waits it says nothing. */
  #lookAt(transport: ByteStream): void {
    const { now } = this.#options.deadlines
    if (now >= this.#listensUntil) return transport.reset()
    if (transport.pending === 0) return this.#allIsGone()
    this.deadline = now + LAST_WORDS_MS
  }

  #broken(side: Side, error: NodeJS.ErrnoException): void {
    const { peer } = side
    // A peer that has ended its side and reads no more, or has gone before our goodbye of TLS, is treated as closed.
    const goodbye = peer.ended && side.transport.bytesOut - side.sentBefore <= CLOSE_NOTIFY_BYTES
    const closed = side.ended && (error.code === 'EPIPE' || goodbye)
    // A server that has answered and then closes with the client's goodbye unread: PostgreSQL and others over TLS.
    const since = peer.transport.bytesOut - peer.sentBefore
    const answered = peer.ended && peer.sentBefore > 0 && peer.transport.pending === 0
    if (side.name === 'upstream' && answered && since <= CLOSE_NOTIFY_BYTES)
      this.#settle('client-closed', undefined)
    else if (!closed) this.#settle(side.name === 'client' ? 'client-reset' : 'upstream-reset', error)
    if (peer.closed || this.#listening !== undefined) return
    const { transport } = peer
    const { now } = this.#options.deadlines
    const waits = transport.pending > 0
    const justNow = transport.bytesOut > 0 && this.deadline - this.#patienceMs > now - 1_000
    if (!waits && !justNow && !closed) return transport.reset()
    this.#listening = peer
    transport.pause()
    if (waits) this.#listensUntil = now + this.#options.halfCloseMs
    this.deadline = now + LAST_WORDS_MS
  }

  #close(reason: SpliceReason, error: NodeJS.ErrnoException | undefined): void {
    this.#settle(reason, error)
    this.#down.transport.reset()
    this.#up.transport.reset()
  }

  /** A break or a cut says more than the FIN that may have come before it; after that the first reason stands. */
  #settle(reason: SpliceReason, error: NodeJS.ErrnoException | undefined): void {
    if (this.#final) return
    this.#final = true
    // The log line needs the address, which a closed connection no longer has.
    void this.#down.transport.remote
    this.#reason = reason
    this.#error = error
  }
  #final = false
}

/** One side of a splice: what comes from its transport goes to the peer's. */
class Side implements TransportOwner {
  readonly name: 'client' | 'upstream'
  readonly transport: ByteStream
  peer!: Side
  /** The FIN of this side has come, when it had been sent so many bytes. */
  ended = false
  sentBefore = 0
  /** Its transport is closed. */
  closed = false
  readonly #splice: Splice
  readonly #counter: ByteCounter | undefined
  /** Not read, because the peer does not take what was read already. */
  #paused = false

  constructor(
    splice: Splice,
    transport: ByteStream,
    name: 'client' | 'upstream',
    counter: ByteCounter | undefined
  ) {
    this.#splice = splice
    this.transport = transport
    this.name = name
    this.#counter = counter
  }

  /** Starts with the bytes that were read before there was a peer. */
  begin(held: Held): void {
    let flowing = true
    for (const bytes of held.bytes ?? []) {
      this.#counter?.add(bytes.length)
      flowing = this.peer.transport.sendOwned(bytes)
    }
    if (flowing) this.resume()
    else this.#pause()
    if (held.ended) this.onEnd()
  }

  onData(buffer: Buffer, start: number, end: number): void {
    this.#splice.touch()
    this.#counter?.add(end - start)
    if (!this.peer.transport.sendFrom(buffer, start, end)) this.#pause()
  }

  onEnd(): void {
    this.ended = true
    this.peer.transport.end()
    this.#splice.ended(this)
  }

  onDrain(): void {
    this.#splice.drained(this)
    if (this.peer.#paused) this.peer.resume()
  }

  onClose(error: NodeJS.ErrnoException | undefined): void {
    this.closed = true
    this.#splice.closed(this, error)
  }

  onInternalError(): string | undefined {
    return this.#splice.onInternalError()
  }

  resume(): void {
    this.#paused = false
    this.transport.resume()
  }

  #pause(): void {
    this.#paused = true
    this.transport.pause()
  }
}
