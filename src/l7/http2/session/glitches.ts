/**
 * What each kind of odd but legal behaviour costs. An honest client spends next to nothing; who floods is through the
 * bucket in a moment. nghttp2's bucket of 1,000 closed honest clients that cancel range requests, so this one is large.
 */
export const GLITCH_COST = {
  /** Of the peer, before its response has ended (CVE-2023-44487). */
  'early-reset': 10,
  /** A stream error that it made us answer (CVE-2025-8671). */
  'made-reset': 20,
  'refused-stream': 10,
  settings: 50,
  ping: 10,
  priority: 2,
  /** A WINDOW_UPDATE that no DATA of ours accounts for. */
  'window-update': 2,
  /** DATA without a byte and without END_STREAM. */
  'empty-data': 10,
  /** A CONTINUATION of less than 1 KiB that does not end its section. */
  continuation: 20,
  'unknown-frame': 2,
  /** A frame on a stream that is closed. */
  'late-frame': 2,
  /** A request that is malformed, or a section over the limit. */
  malformed: 20
} as const

export type GlitchKind = keyof typeof GLITCH_COST

const BUCKET = 10_000
const PER_SECOND = 500

/** The patience that one connection has left. It comes back with time. */
export class Glitches {
  #spent = 0
  #at = 0
  /** How many there were, ever. */
  count = 0

  /** False: that is enough. `now`: ms of any monotonic clock. */
  add(kind: GlitchKind, now: number): boolean {
    this.count++
    this.#spent = Math.max(0, this.#spent - ((now - this.#at) * PER_SECOND) / 1e3) + GLITCH_COST[kind]
    this.#at = now
    return this.#spent <= BUCKET
  }
}
