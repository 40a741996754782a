import type { View } from './view.ts'

/** 2^SHIFT children per node: 8. With 4, 16 or 32 a pick among 300 or 30,000 took 10 to 20 % longer. */
const SHIFT = 3
const FAN_OUT = 1 << SHIFT
/** A failed check of a leaf is repeated at most so often; the next change there would put right what is left. */
const CHECKS = 8

/** Orders positions by load. */
export interface LoadOrder {
  /** Infinity: not to be picked. */
  load(view: View, position: number): number
}

/** Bytes of a tree over `size` backends: a load and a turn each, then the nodes. */
export function treeBytes(size: number): number {
  let nodes = 0
  for (let width = size; nodes === 0 || width > 1;) {
    width = Math.ceil(width / FAN_OUT)
    nodes += width
  }
  return size * 16 + nodes * 4
}

/**
 * The least loaded of many backends: a tournament tree in shared memory, one for all threads. Leaves hold the load
 * and, to decide between equals, whose turn it is (`stamp`); each node names the winner among its children.
 *
 * Whoever has changed a backend's load calls `refresh`, which stores it and plays the matches again from that leaf
 * towards the root. A node's word is a tag and the winner, moved by compare-and-swap; a failed swap means that another
 * thread's succeeded, and is tried again on the new word. Since every change is followed by a successful swap at each
 * node it can matter to, made after the change was visible, every node is right when no refresh is under way: no lock,
 * and no thread waits for one that sleeps. (Only exactly 65,536 swaps of one node during one match could fool the tag.)
 */
export class LoadTree {
  /** Load and turn by position. Stored by whoever refreshes; see `refresh` for why the last store is the right one. */
  readonly #keys: Float64Array
  readonly #words: Int32Array
  readonly #size: number
  readonly #order: LoadOrder
  /** First word of each level, from the leaves' parents to the root. */
  readonly #levels: Int32Array

  constructor(buffer: ArrayBufferLike, size: number, order: LoadOrder) {
    this.#keys = new Float64Array(buffer, 0, size * 2)
    this.#words = new Int32Array(buffer, size * 16)
    this.#size = size
    this.#order = order
    const levels: number[] = []
    let start = 0
    for (let width = size; levels.length === 0 || width > 1;) {
      levels.push(start)
      width = Math.ceil(width / FAN_OUT)
      start += width
    }
    this.#levels = Int32Array.from(levels)
  }

  /** The position of the least loaded; whether it may be picked is the caller's to check. */
  get winner(): number {
    return Atomics.load(this.#words, this.#words.length - 1) & 0xffff
  }

  load(position: number): number {
    return this.#keys[2 * position]!
  }

  turn(position: number): number {
    return this.#keys[2 * position + 1]!
  }

  /** Sets when it is `position`'s turn again. Call before the change of load that `refresh` follows. */
  stamp(position: number, turn: number): void {
    this.#keys[2 * position + 1] = turn
  }

  /** Call after what the order looks at has changed for `position`. */
  refresh(view: View, position: number): void {
    for (let check = 0; check < CHECKS; check++) {
      const load = this.#order.load(view, position)
      this.#keys[2 * position] = load
      this.#climb(position)
      // Another thread may have changed the load meanwhile, and its store have come before ours. The swaps above have
      // made ours visible, so one of the two of us finds the newer load here.
      if (this.#order.load(view, position) === load) return
    }
  }

  #climb(position: number): void {
    const words = this.#words
    const levels = this.#levels
    let child = position
    for (let level = 0, shift = 0; level < levels.length; level++, shift += SHIFT) {
      const node = child >> SHIFT
      const index = levels[level]! + node
      for (;;) {
        const word = Atomics.load(words, index)
        const before = word & 0xffff
        // The winner comes from this child (or, in fresh memory, from elsewhere): all must play. Else the child's best
        // against the winner is enough. Plain reads: they cannot move before the atomic load of the node's own word.
        const own = before >> shift === child || before >> (shift + SHIFT) !== node
        const winner = own
          ? this.#play(level, node)
          : this.#better(before, level === 0 ? child : words[levels[level - 1]! + child]! & 0xffff)
        const next = (((word >>> 16) + 1) << 16) | winner
        if (Atomics.compareExchange(words, index, word, next) !== word) continue
        if (!own && winner === before) return
        break
      }
      child = node
    }
  }

  /** All children of a node; the hottest loop of a pick, hence its plainness. */
  #play(level: number, node: number): number {
    const keys = this.#keys
    const words = this.#words
    const below = level === 0 ? -1 : this.#levels[level - 1]!
    const width = level === 0 ? this.#size : this.#levels[level]! - below
    const from = node << SHIFT
    const to = Math.min(from + FAN_OUT, width)
    let best = -1
    let bestLoad = 0
    for (let child = from; child < to; child++) {
      const position = below < 0 ? child : words[below + child]! & 0xffff
      const load = keys[2 * position]!
      if (best >= 0) {
        if (load > bestLoad) continue
        if (load === bestLoad && keys[2 * position + 1]! >= keys[2 * best + 1]!) continue
      }
      best = position
      bestLoad = load
    }
    return best
  }

  #better(one: number, other: number): number {
    const keys = this.#keys
    const load = keys[2 * one]!
    const otherLoad = keys[2 * other]!
    if (load !== otherLoad) return load < otherLoad ? one : other
    return keys[2 * one + 1]! <= keys[2 * other + 1]! ? one : other
  }
}
