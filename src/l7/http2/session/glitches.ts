/**
 * The cost of each kind of odd but legal behaviour. An honest client spends next to nothing; a flood empties the bucket
 * in a moment. nghttp2's bucket of 1,000 closed honest clients that cancel range requests, so this one is larger.
 */
export const GLITCH_COST = {
  /** A reset by the peer, within a second and before its response has ended (CVE-2023-44487). */
  'early-reset': 10,
  /** A stream error that the peer caused lb to send (CVE-2025-8671). */
  'made-reset': 20,
  'refused-stream': 10,
  settings: 50,
  /** gRPC libraries measure bandwidth with one per round trip, which on a short path means hundreds a second. */
  ping: 2,
  priority: 2,
  /** A WINDOW_UPDATE that no DATA of lb accounts for. */
  'window-update': 2,
  /** DATA without a byte and without END_STREAM. */
  'empty-data': 10,
  /** A CONTINUATION of less than 1 KiB that does not end its section. */
  continuation: 20,
  'unknown-frame': 2,
  /** A frame on a closed stream, except DATA with bytes: an open stream would take as much of that. */
  'late-frame': 2,
  /** A request that is malformed, or a section over the limit. */
  malformed: 20
} as const

export type GlitchKind = keyof typeof GLITCH_COST

const BUCKET = 10_000
const PER_SECOND = 500
/** What a client begins with whose connection was ended before (`Offenders`). */
const BUCKET_OF_OFFENDERS = 1_000
/** Factor for backends, which are trusted more. A flood still ends. */
const TRUST = 20

/** What one connection has left in its bucket, which refills with time. */
export class Glitches {
  #spent = 0
  #at = 0
  /** Streams that ended properly. */
  #earned = 0
  /** How many glitches there were in all. */
  count = 0
  readonly #trust: number
  #bucket = BUCKET

  /** `trusted`: the peer is a backend. */
  constructor(trusted = false) {
    this.#trust = trusted ? TRUST : 1
  }

  /** The client has emptied another bucket not long ago. */
  distrust(): void {
    this.#bucket = BUCKET_OF_OFFENDERS
  }

  /**
   * What is not worked off when the connection ends, `cut` of whose requests were given up with it, early; in units. A client
   * that connects again for the next requests leaves no less than one that resets them.
   */
  leaves(cut: number, now: number): number {
    const spent = Math.max(0, this.#spent - ((now - this.#at) * PER_SECOND * this.#trust) / 1e3)
    return spent + Math.max(0, cut - this.#earned) * GLITCH_COST['early-reset']
  }

  /** A stream ended properly: a client that cancels no more streams than it lets end never empties the bucket. */
  earn(): void {
    this.#earned++
    if (this.#spent > 0) this.#spent = Math.max(0, this.#spent - GLITCH_COST['early-reset'])
  }

  /** False when the bucket is empty. `now`: ms of any monotonic clock. */
  add(kind: GlitchKind, now: number): boolean {
    this.count++
    this.#spent =
      Math.max(0, this.#spent - ((now - this.#at) * PER_SECOND * this.#trust) / 1e3) + GLITCH_COST[kind]
    this.#at = now
    return this.#spent <= this.#bucket * this.#trust
  }
}
