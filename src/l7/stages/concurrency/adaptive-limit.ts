import { fnv1a, mix32 } from '../../../core/hash-string.ts'
import { nextFloor, nextLimit, type LimitBounds } from './next-limit.ts'

/** Words of the shared memory. Limit in 1/256; latencies, and what they are at best, as sums of 1/16 ms. */
const LIMIT = 0
const WINDOW = 1
const COUNT = 2
const SUM = 3
const AT_BEST = 4
const PEAK = 5
/** Behind them, for each kind of request: its floor in 1/64 ms, when that was moved, responses since and their latencies. */
const KINDS = 8
const FLOOR = 0
const MOVED = 1
const KIND_COUNT = 2
const KIND_SUM = 3
const KIND_WORDS = 4
const MOST_KINDS = 256

export const ADAPTIVE_BYTES = 4 * (KINDS + MOST_KINDS * KIND_WORDS)

const WINDOW_MS = 250
/** Fewer responses than this are not enough: the window continues. */
const LEAST_SAMPLES = 20
/** The same for a floor: the best of many means of few responses would be far below what is usual. */
const LEAST_OF_KIND = 100
/** A window that lasts longer tells of a quiet time, and nothing of load. */
const QUIET_MS = 5_000
/** Windows that a kind's floor rises by at once. */
const MOST_WINDOWS = 100
/** Longer latencies count as this long: the sum has 31 bits. */
const MAX_LATENCY_MS = 60_000
const FIRST_LIMIT = 20

/**
 * A limit that all threads adjust together: each adds its measurements, and the one that sees the end of a window moves
 * the limit.
 *
 * Requests of one kind (method, and the first two segments of the path) are compared with each other only. With one floor for all of
 * them, a few quick responses would make slow ones look like load.
 */
export class AdaptiveLimit {
  readonly #words: Int32Array
  readonly #bounds: LimitBounds
  readonly #first: number

  constructor(memory: ArrayBufferLike, bounds: LimitBounds) {
    this.#words = new Int32Array(memory)
    this.#bounds = bounds
    this.#first = Math.min(bounds.max, Math.max(bounds.min, FIRST_LIMIT))
    Atomics.compareExchange(this.#words, LIMIT, 0, this.#first * 256)
  }

  limit(now: number): number {
    const limit = Math.floor(this.#words[LIMIT]! / 256)
    return limit < this.#first && this.#isQuiet(Math.floor(now) | 0) ? this.#first : limit
  }

  /** Of this kind of requests; 0: not known. */
  floorMs(kind: number): number {
    return this.#words[kind + FLOOR]! / 64
  }

  /** A response is complete: its latency, and the number of requests under way. */
  add(kind: number, latencyMs: number, underWay: number, now: number): void {
    const words = this.#words
    const sixteenths = Math.round(Math.min(latencyMs, MAX_LATENCY_MS) * 16)
    const floor = words[kind + FLOOR]!
    Atomics.add(words, kind + KIND_COUNT, 1)
    Atomics.add(words, kind + KIND_SUM, sixteenths)
    Atomics.add(words, AT_BEST, floor === 0 ? sixteenths : Math.max(1, floor >> 2))
    const sum = Atomics.add(words, SUM, sixteenths)
    const count = Atomics.add(words, COUNT, 1) + 1
    if (underWay > words[PEAK]!) Atomics.store(words, PEAK, underWay)
    const time = Math.floor(now) | 0
    const began = Atomics.load(words, WINDOW)
    const due = ((time - began) | 0) >= WINDOW_MS || began === 0
    // A sum that would overflow ends its window early.
    if ((!due || count < LEAST_SAMPLES) && Math.max(sum, words[AT_BEST]!) < 2 ** 30) return
    const quiet = this.#isQuiet(time)
    if (Atomics.compareExchange(words, WINDOW, began, time === 0 ? 1 : time) !== began) return
    this.#moveFloors(time)
    this.#move(quiet)
  }

  #isQuiet(time: number): boolean {
    const began = this.#words[WINDOW]!
    return began !== 0 && ((time - began) | 0) > QUIET_MS
  }

  #move(quiet: boolean): void {
    const words = this.#words
    const sum = Atomics.exchange(words, SUM, 0)
    const atBest = Atomics.exchange(words, AT_BEST, 0)
    const peak = Atomics.exchange(words, PEAK, 0)
    Atomics.store(words, COUNT, 0)
    const limit = words[LIMIT]! / 256
    const sample = { slowness: Math.max(1, sum) / Math.max(1, atBest), peak }
    const next = quiet ? Math.max(limit, this.#first) : nextLimit(limit, sample, this.#bounds)
    Atomics.store(words, LIMIT, Math.round(next * 256))
  }

  #moveFloors(time: number): void {
    const words = this.#words
    for (let kind = KINDS; kind < words.length; kind += KIND_WORDS) {
      if (words[kind + KIND_COUNT]! < LEAST_OF_KIND) continue
      const count = Atomics.exchange(words, kind + KIND_COUNT, 0)
      const sum = Atomics.exchange(words, kind + KIND_SUM, 0)
      const windows = ((time - words[kind + MOVED]!) | 0) / WINDOW_MS
      const latencyMs = Math.max(1 / 64, sum / 16 / count)
      const rises = Math.min(MOST_WINDOWS, Math.max(1, windows))
      const floorMs = nextFloor(words[kind + FLOOR]! / 64, latencyMs, rises)
      Atomics.store(words, kind + FLOOR, Math.max(1, Math.round(floorMs * 64)))
      words[kind + MOVED] = time
    }
  }
}

/** Where the numbers of requests of this kind stand. Different kinds may share a place, as if they were one. */
export function kindOf(method: string, path: string): number {
  const second = path.indexOf('/', 1)
  const third = second === -1 ? -1 : path.indexOf('/', second + 1)
  const hash = mix32(fnv1a(path, fnv1a(method), 0, third === -1 ? path.length : third))
  return KINDS + (hash % MOST_KINDS) * KIND_WORDS
}
