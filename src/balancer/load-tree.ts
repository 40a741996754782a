import type { View } from './view.ts'

/** Children per node: 30,000 backends are 5 levels. 4 and 16 measured 10 % and 25 % slower (bench/micro/pick). */
const FAN_OUT = 8
/** Pools up to this size are searched from end to end, which costs less than keeping a tree. */
export const TREE_FROM = 33

/** Orders two positions: by load, then by whose turn it is. */
export interface LoadOrder {
  /** Infinity: not to be picked. */
  load(view: View, position: number): number
}

/** Int32 words that a tree over `size` backends takes. */
export function treeWords(size: number): number {
  let words = 0
  for (let width = size; width > 1;) {
    width = Math.ceil(width / FAN_OUT)
    words += width
  }
  return Math.max(1, words)
}

/**
 * The least loaded of many backends: a tournament tree in shared memory, one for all threads. Each node names the
 * winner among its children; loads are not stored but read from the table when compared.
 *
 * Whoever has changed a backend's load calls `refresh`, which plays the matches again from that leaf to the root. A
 * node's word is a tag and the winner, moved by compare-and-swap. If that fails, it is tried once more; if that fails
 * too, another thread's swap in between began after our change was visible and so has seen it (Jayanti, "f-arrays",
 * 2002): no lock, no loop, and when no refresh is under way every node is right. Only 65,536 swaps of one node during
 * one thread's match could fool the tag; the next refresh there would heal it.
 */
export class LoadTree {
  readonly #words: Int32Array
  readonly #size: number
  readonly #order: LoadOrder
  /** First word of each level, from the leaves' parents to the root. */
  readonly #levels: number[] = []

  constructor(buffer: ArrayBufferLike, size: number, order: LoadOrder) {
    this.#words = new Int32Array(buffer)
    this.#size = size
    this.#order = order
    let start = 0
    for (let width = size; width > 1;) {
      this.#levels.push(start)
      width = Math.ceil(width / FAN_OUT)
      start += width
    }
  }

  /** The position of the least loaded; whether it may be picked is the caller's to check. */
  get winner(): number {
    return Atomics.load(this.#words, this.#levels.at(-1)!) & 0xffff
  }

  /** Call after `position`'s load has changed. */
  refresh(view: View, position: number): void {
    let child = position
    for (let level = 0; level < this.#levels.length; level++) {
      const node = (child / FAN_OUT) | 0
      const index = this.#levels[level]! + node
      const word = Atomics.load(this.#words, index)
      const winner = this.#play(view, level, node)
      const played = Atomics.compareExchange(this.#words, index, word, next(word, winner)) === word
      // The winner is as before and is not the one that changed: nothing above can change by it.
      if (played && winner === (word & 0xffff) && winner !== position) return
      if (!played) {
        const again = Atomics.load(this.#words, index)
        Atomics.compareExchange(this.#words, index, again, next(again, this.#play(view, level, node)))
      }
      child = node
    }
  }

  /** Plays every match: 30,000 backends take about 0.5 ms. */
  refreshAll(view: View): void {
    for (let level = 0; level < this.#levels.length; level++) {
      const end = this.#levels[level + 1] ?? this.#levels[level]! + 1
      for (let index = this.#levels[level]!; index < end; index++) {
        const word = Atomics.load(this.#words, index)
        const winner = this.#play(view, level, index - this.#levels[level]!)
        if (Atomics.compareExchange(this.#words, index, word, next(word, winner)) !== word) {
          const again = Atomics.load(this.#words, index)
          const second = this.#play(view, level, index - this.#levels[level]!)
          Atomics.compareExchange(this.#words, index, again, next(again, second))
        }
      }
    }
  }

  #play(view: View, level: number, node: number): number {
    const below = level === 0 ? -1 : this.#levels[level - 1]!
    const width = level === 0 ? this.#size : this.#levels[level]! - below
    const from = node * FAN_OUT
    const to = Math.min(from + FAN_OUT, width)
    let best = level === 0 ? from : Atomics.load(this.#words, below + from) & 0xffff
    let bestLoad = this.#order.load(view, best)
    for (let child = from + 1; child < to; child++) {
      const position = level === 0 ? child : Atomics.load(this.#words, below + child) & 0xffff
      const load = this.#order.load(view, position)
      if (load > bestLoad || (load === bestLoad && view.pass(position) >= view.pass(best))) continue
      best = position
      bestLoad = load
    }
    return best
  }
}

function next(word: number, winner: number): number {
  return (((word >>> 16) + 1) << 16) | winner
}
