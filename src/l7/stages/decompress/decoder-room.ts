import { guarded, nextTurn } from '../../../core/containment.ts'
import { Roster, type Seats } from '../../../core/roster.ts'
import type { Coding } from '../compress/accept-encoding.ts'

const MB = 1_048_576
/** Estimated memory of the decoders of one thread at once: beyond it another one waits. */
const ROOM_BYTES = 128 * MB
/** Those that are let in may still grow with their windows; beyond this factor the slowest one goes. */
const MOST = 2
/** Nobody is called slow before. */
const GRACE_MS = 2_000
/** A body below this rate gives up its place to one that waits. */
const SLOW_BYTES_PER_SECOND = 16 * 1024
/** Requests that wait for a place at once. */
const MOST_WAITING = 1_000
/** Least time between two looks for slow ones. */
const LOOK_MS = 100

/** Measured: what a decoder holds with its buffers, and at most for its window, which fills with what it has put out. */
const MEMORY: Readonly<Record<Coding, { readonly base: number; readonly window: number }>> = {
  gzip: { base: MB / 4, window: 0 },
  deflate: { base: MB / 4, window: 0 },
  br: { base: MB / 4, window: 16 * MB },
  zstd: { base: MB / 2, window: 8 * MB }
}

/** Estimated bytes of memory of a decoder that has put out `decoded` bytes. */
export function decoderMemory(coding: Coding, decoded: number): number {
  const { base, window } = MEMORY[coding]
  return base + Math.min(decoded, window)
}

/** A body that is being decoded, as the room sees it. */
export interface Decoding {
  /** Its seat in the roster. Written by that only. */
  seat: number
  /** Its estimated memory. Written by the room only. */
  held: number
  /** Bytes that the client has sent. */
  readonly received: number
  /** When it began; ms of the room's clock. */
  readonly since: number
  /** It waits for the backend, not for the client. */
  readonly blocked: boolean
  /** Ends its exchange, since others need its memory. */
  giveUp(): void
}

const seats: Seats<Decoding> = {
  get: ({ seat }) => seat,
  set(one, at) {
    one.seat = at
  }
}

/**
 * Bounds the memory of the decoders of one thread. When it is used up, a body that comes slowly (or stands still) gives up
 * its place; while none does, those that come wait.
 */
export class DecoderRoom {
  readonly #bytes: number
  readonly #all = new Roster<Decoding>(seats)
  #waiting: (() => void)[] = []
  #held = 0
  #lookedAt = -Infinity
  #admitting = false

  constructor(bytes = ROOM_BYTES) {
    this.#bytes = bytes
  }

  get held(): number {
    return this.#held
  }

  get waiting(): number {
    return this.#waiting.length
  }

  /** There is a place for another one, if need be that of slow ones. */
  makeRoom(now: number): boolean {
    while (this.#held >= this.#bytes) {
      const slowest = this.#slowest(now, true)
      if (slowest === undefined) return false
      this.#end(slowest)
    }
    return true
  }

  enter(one: Decoding, bytes: number): void {
    this.#all.add(one)
    this.resize(one, bytes, one.since)
  }

  resize(one: Decoding, bytes: number, now: number): void {
    if (!this.#all.has(one)) return
    this.#held += bytes - one.held
    one.held = bytes
    if (this.#held <= MOST * this.#bytes) return
    const slowest = this.#slowest(now, false)
    if (slowest !== undefined) this.#end(slowest)
  }

  leave(one: Decoding): void {
    if (!this.#all.delete(one)) return
    this.#held -= one.held
    one.held = 0
    this.#admit()
  }

  /** `enter` is called when there is a place; false when too many wait already. */
  wait(enter: () => void): boolean {
    if (this.#waiting.length >= MOST_WAITING) return false
    this.#waiting.push(enter)
    return true
  }

  /** It waits no more. */
  forget(enter: () => void): void {
    this.#waiting = this.#waiting.filter((one) => one !== enter)
  }

  /** Time has passed: some may have become slow. */
  look(now: number): void {
    if (now - this.#lookedAt < LOOK_MS) return
    this.#lookedAt = now
    this.makeRoom(now)
    this.#admit()
  }

  #end(one: Decoding): void {
    this.leave(one)
    guarded(() => one.giveUp())
  }

  /** Not within the call that frees a place: what enters may fail at once, and free one too. */
  #admit(): void {
    if (this.#admitting || this.#waiting.length === 0) return
    this.#admitting = true
    nextTurn(() => {
      this.#admitting = false
      while (this.#held < this.#bytes && this.#waiting.length > 0) this.#waiting.shift()!()
    })
  }

  #slowest(now: number, onlySlow: boolean): Decoding | undefined {
    let found: Decoding | undefined
    let least = onlySlow ? SLOW_BYTES_PER_SECOND : Infinity
    for (const one of this.#all.toArray()) {
      const ms = now - one.since
      if (onlySlow && (one.blocked || ms < GRACE_MS)) continue
      const rate = (one.received * 1e3) / Math.max(1, ms)
      if (rate >= least) continue
      least = rate
      found = one
    }
    return found
  }
}
