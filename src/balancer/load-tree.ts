import type { View } from './view.ts'

/** 2^SHIFT children per node: 8. With 4, 16 or 32 a pick among 300 or 30,000 took 10 to 20 % longer. */
const SHIFT = 3
const FAN_OUT = 1 << SHIFT
/** A failed check of a leaf is repeated at most so often; the next change there would put right what is left. */
const CHECKS = 8

/**
 * This machine keeps reads in their order, and the engine does too: the node's word may be read plainly before its
 * children (Atomics.load costs 10 ns, five times per pick among 30,000). Others need the barrier.
 */
const ORDERED = process.arch === 'x64'

/** Orders positions by load. */
export interface LoadOrder {
  /** Infinity: not to be picked. */
  load(view: View, position: number): number
}

/** Bytes of a tree over `size` backends: loads and turns of leaves and nodes, then the nodes' words. */
export function treeBytes(size: number): number {
  const nodes = levelsOf(size).at(-1)! + 1
  return (size + nodes) * 16 + nodes * 4
}

/** First node of each level, from the leaves' parents to the root, which is the last node. */
function levelsOf(size: number): number[] {
  const levels: number[] = []
  let start = 0
  for (let width = size; levels.length === 0 || width > 1;) {
    levels.push(start)
    width = Math.ceil(width / FAN_OUT)
    start += width
  }
  return levels
}

/**
 * The least loaded of many backends: a tournament tree in shared memory, one for all threads. Leaves hold the load
 * and, to decide between equals, whose turn it is (`stamp`); each node names the winner among its children and has a
 * copy of its load and turn, so that a match is played over neighbours in memory (30 to 50 ns less among 30,000).
 *
 * Whoever has changed a backend's load calls `refresh`, which stores it and plays the matches again from that leaf
 * towards the root. A node's word is a tag and the winner, moved by compare-and-swap; a failed swap means that another
 * thread's succeeded, and is tried again on the new word. Since every change is followed by a successful swap at each
 * node it can matter to, made after the change was visible, every node is right when no refresh is under way: no lock,
 * and no thread waits for one that sleeps. (Only exactly 65,536 swaps of one node during one match could fool the tag.)
 *
 * Copies are stored before each swap, by who tries it. One stored in vain, for a swap that then failed, is replaced
 * before the next try, and what another thread made of it is played again (`retried`): so the copies that stay are
 * those of the last swap.
 */
export class LoadTree {
  /** By position, then by node. Leaves' are stored by whoever refreshes; see `refresh` for why the last store is right. */
  readonly #loads: Float64Array
  readonly #turns: Float64Array
  readonly #words: Int32Array
  readonly #size: number
  readonly #order: LoadOrder
  readonly #levels: Int32Array

  constructor(buffer: ArrayBufferLike, size: number, order: LoadOrder) {
    const levels = levelsOf(size)
    const keys = size + levels.at(-1)! + 1
    this.#loads = new Float64Array(buffer, 0, keys)
    this.#turns = new Float64Array(buffer, keys * 8, keys)
    this.#words = new Int32Array(buffer, keys * 16)
    this.#size = size
    this.#order = order
    this.#levels = Int32Array.from(levels)
  }

  /** The position of the least loaded; whether it may be picked is the caller's to check. */
  get winner(): number {
    return Atomics.load(this.#words, this.#words.length - 1) & 0xffff
  }

  load(position: number): number {
    return this.#loads[position]!
  }

  turn(position: number): number {
    return this.#turns[position]!
  }

  /** Sets when it is `position`'s turn again. Call before the change of load that `refresh` follows. */
  stamp(position: number, turn: number): void {
    this.#turns[position] = turn
  }

  /** Call after what the order looks at has changed for `position`. */
  refresh(view: View, position: number): void {
    for (let check = 0; check < CHECKS; check++) {
      const load = this.#order.load(view, position)
      this.#loads[position] = load
      this.#climb(position)
      // Another thread may have changed the load meanwhile, and its store have come before ours. The swaps above have
      // made ours visible, so one of the two of us finds the newer load here.
      if (this.#order.load(view, position) === load) return
    }
  }

  #climb(position: number): void {
    const words = this.#words
    const loads = this.#loads
    const turns = this.#turns
    const levels = this.#levels
    let child = position
    for (let level = 0, shift = 0, below = 0; level < levels.length; level++, shift += SHIFT) {
      const node = child >> SHIFT
      const index = levels[level]! + node
      const copy = this.#size + index
      for (let retried = false; ; retried = true) {
        const word = ORDERED ? words[index]! : Atomics.load(words, index)
        const before = word & 0xffff
        // The winner comes from this child (or, in fresh memory, from elsewhere): all must play. Else the child's best
        // against the winner is enough. Plain reads: they cannot move before that of the node's own word.
        const own = before >> shift === child || before >> (shift + SHIFT) !== node
        let winner: number
        if (own) {
          const best = this.#play(below, node, level === 0 ? this.#size : copy - node)
          winner = level === 0 ? best : words[below - this.#size + best]! & 0xffff
          loads[copy] = loads[below + best]!
          turns[copy] = turns[below + best]!
        } else {
          winner = this.#better(before, level === 0 ? child : words[below - this.#size + child]! & 0xffff)
          loads[copy] = loads[winner]!
          turns[copy] = turns[winner]!
        }
        const next = (((word >>> 16) + 1) << 16) | winner
        if (Atomics.compareExchange(words, index, word, next) !== word) continue
        if (!own && winner === before && !retried) return
        break
      }
      child = node
      below = copy - node
    }
  }

  /** Of a node's children the best: the hottest loop of a pick, hence its plainness. `from` and `end` bound their level. */
  #play(from: number, node: number, end: number): number {
    const loads = this.#loads
    const turns = this.#turns
    const first = from + (node << SHIFT)
    const last = Math.min(first + FAN_OUT, end)
    let best = first
    let bestLoad = loads[first]!
    for (let child = first + 1; child < last; child++) {
      const load = loads[child]!
      if (load > bestLoad || (load === bestLoad && turns[child]! >= turns[best]!)) continue
      best = child
      bestLoad = load
    }
    return best - from
  }

  #better(one: number, other: number): number {
    const loads = this.#loads
    if (loads[one]! !== loads[other]!) return loads[one]! < loads[other]! ? one : other
    return this.#turns[one]! <= this.#turns[other]! ? one : other
  }
}
