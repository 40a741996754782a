import { nextLimit, type LimitBounds } from './next-limit.ts'

/** Words of the shared memory. Limit in 1/256, floor in 1/64 ms, sum of latencies in 1/16 ms. */
const LIMIT = 0
const FLOOR = 1
const WINDOW = 2
const COUNT = 3
const SUM = 4
const PEAK = 5

export const ADAPTIVE_BYTES = 64

const WINDOW_MS = 250
/** Fewer responses than this are not enough: the window continues. */
const LEAST_SAMPLES = 20
/** Longer latencies count as this long: the sum has 31 bits. */
const MAX_LATENCY_MS = 60_000
const FIRST_LIMIT = 20

/**
 * A limit that all threads adjust together: each adds its measurements, and the one that sees the end of a window moves
 * the limit.
 */
export class AdaptiveLimit {
  readonly #words: Int32Array
  readonly #bounds: LimitBounds

  constructor(memory: ArrayBufferLike, bounds: LimitBounds) {
    this.#words = new Int32Array(memory)
    this.#bounds = bounds
    const first = Math.min(bounds.max, Math.max(bounds.min, FIRST_LIMIT))
    Atomics.compareExchange(this.#words, LIMIT, 0, first * 256)
  }

  get limit(): number {
    return Math.floor(this.#words[LIMIT]! / 256)
  }

  get floorMs(): number {
    return this.#words[FLOOR]! / 64
  }

  /** A response is complete: its latency, and the number of requests under way. */
  add(latencyMs: number, underWay: number, now: number): void {
    const words = this.#words
    Atomics.add(words, COUNT, 1)
    Atomics.add(words, SUM, Math.round(Math.min(latencyMs, MAX_LATENCY_MS) * 16))
    if (underWay > words[PEAK]!) Atomics.store(words, PEAK, underWay)
    const time = Math.floor(now) | 0
    const began = Atomics.load(words, WINDOW)
    const sum = Atomics.load(words, SUM)
    const due = ((time - began) | 0) >= WINDOW_MS || began === 0
    // A sum that would overflow ends its window early.
    if ((!due || words[COUNT]! < LEAST_SAMPLES) && sum < 2 ** 30) return
    if (Atomics.compareExchange(words, WINDOW, began, time === 0 ? 1 : time) !== began) return
    this.#move()
  }

  #move(): void {
    const words = this.#words
    const count = Atomics.exchange(words, COUNT, 0)
    const sum = Atomics.exchange(words, SUM, 0)
    const peak = Atomics.exchange(words, PEAK, 0)
    if (count === 0) return
    const state = { limit: words[LIMIT]! / 256, floorMs: words[FLOOR]! / 64 }
    const latencyMs = Math.max(1 / 64, sum / 16 / count)
    const next = nextLimit(state, { latencyMs, peak }, this.#bounds)
    Atomics.store(words, LIMIT, Math.round(next.limit * 256))
    Atomics.store(words, FLOOR, Math.max(1, Math.round(next.floorMs * 64)))
  }
}
