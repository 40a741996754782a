import type { View } from '../pool/view.ts'

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
  const { keys, leaves } = shapeOf(size)
  return keys * 16 + (keys - leaves) * 4
}

interface Shape {
  /** Places for leaves, and for leaves and nodes together. */
  readonly leaves: number
  readonly keys: number
  /** Key of the first node of each level, from the leaves' parents to the root. */
  readonly levels: readonly number[]
  /** From where to where keys stand for nothing: each level but the root is filled up to whole matches. */
  readonly padding: readonly (readonly [number, number])[]
}

function shapeOf(size: number): Shape {
  const levels: number[] = []
  const padding: [number, number][] = []
  let keys = 0
  let width = size
  do {
    const filled = Math.ceil(width / FAN_OUT) * FAN_OUT
    padding.push([keys + width, keys + filled])
    keys += filled
    levels.push(keys)
    width = filled / FAN_OUT
  } while (width > 1)
  return { leaves: levels[0]!, keys: keys + 1, levels, padding }
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
  readonly #leaves: number
  readonly #order: LoadOrder
  readonly #levels: Int32Array

  constructor(buffer: ArrayBufferLike, size: number, order: LoadOrder) {
    const { keys, leaves, levels, padding } = shapeOf(size)
    this.#loads = new Float64Array(buffer, 0, keys)
    this.#turns = new Float64Array(buffer, keys * 8, keys)
    this.#words = new Int32Array(buffer, keys * 16)
    this.#leaves = leaves
    this.#order = order
    this.#levels = Int32Array.from(levels)
    // Each thread writes the same. Nobody loses to what stands for nothing, not even who is full.
    for (const [from, to] of padding) {
      this.#loads.fill(Infinity, from, to)
      this.#turns.fill(Infinity, from, to)
    }
  }

  /** The position of the least loaded, by a plain read; whether it may be picked is the caller's to check. */
  get winner(): number {
    return this.#words[this.#words.length - 1]! & 0xffff
  }

  load(position: number): number {
    return this.#loads[position]!
  }

  turn(position: number): number {
    return this.#turns[position]!
  }

  /**
   * Whether the root was told the load that the winner has now. It was not while a thread that has taken it is held up
   * between the leaf and the root: then the others would all go where that one went.
   */
  knows(view: View, winner: number): boolean {
    return this.#loads[this.#loads.length - 1] === this.#order.load(view, winner)
  }

  /** Sets when it is `position`'s turn again. Call before the change of load that `refresh` follows. */
  stamp(position: number, turn: number): void {
    this.#turns[position] = turn
  }

  /**
   * Call after what the order looks at has changed for `position`. `whole`: up to the root, also where a node has its
   * winner already, since whoever moved that one may not have got further.
   */
  refresh(view: View, position: number, whole = false): void {
    for (let check = 0; check < CHECKS; check++) {
      const load = this.#order.load(view, position)
      this.#loads[position] = load
      this.#climb(position, whole)
      // Another thread may have changed the load meanwhile, and its store have come before ours. The swaps above have
      // made ours visible, so one of the two of us finds the newer load here.
      if (this.#order.load(view, position) === load) return
    }
  }

  #climb(position: number, whole: boolean): void {
    const words = this.#words
    const loads = this.#loads
    const turns = this.#turns
    const levels = this.#levels
    let child = position
    for (let level = 0, shift = 0, below = 0; level < levels.length; level++, shift += SHIFT) {
      const node = child >> SHIFT
      const copy = levels[level]! + node
      const index = copy - this.#leaves
      for (let retried = false; ; retried = true) {
        const word = ORDERED ? words[index]! : Atomics.load(words, index)
        const before = word & 0xffff
        // The winner comes from this child (or, in fresh memory, from elsewhere): all must play. Else the child's best
        // against the winner is enough. Plain reads: they cannot move before that of the node's own word.
        const own = before >> shift === child || before >> (shift + SHIFT) !== node
        let winner: number
        if (own) {
          const best = this.#play(below + (node << SHIFT))
          winner = level === 0 ? best : words[best - this.#leaves]! & 0xffff
          loads[copy] = loads[best]!
          turns[copy] = turns[best]!
        } else {
          winner = this.#better(before, level === 0 ? child : words[below - this.#leaves + child]! & 0xffff)
          loads[copy] = loads[winner]!
          turns[copy] = turns[winner]!
        }
        const next = (((word >>> 16) + 1) << 16) | winner
        if (Atomics.compareExchange(words, index, word, next) !== word) continue
        if (!own && winner === before && !retried && !whole) return
        break
      }
      child = node
      below = copy - node
    }
  }

  /**
   * The key of the best of the eight from `first` on: four matches, two, and the final. Without branches, which nobody
   * could predict here: this takes 36 ns whatever the loads, a loop with two branches 42 for loads at random and 70 where
   * many are equal.
   */
  #play(first: number): number {
    const loads = this.#loads
    const turns = this.#turns
    const one = match(loads, turns, first, first + 1)
    const two = match(loads, turns, first + 2, first + 3)
    const three = match(loads, turns, first + 4, first + 5)
    const four = match(loads, turns, first + 6, first + 7)
    return match(loads, turns, match(loads, turns, one, two), match(loads, turns, three, four))
  }

  #better(one: number, other: number): number {
    const loads = this.#loads
    if (loads[one]! !== loads[other]!) return loads[one]! < loads[other]! ? one : other
    return this.#turns[one]! <= this.#turns[other]! ? one : other
  }
}

/** The first, unless the other has less load, or as much and the earlier turn. All four are read before any is compared. */
function match(loads: Float64Array, turns: Float64Array, one: number, other: number): number {
  const load = loads[one]!
  const turn = turns[one]!
  const otherLoad = loads[other]!
  const otherTurn = turns[other]!
  const wins = Number(otherLoad < load) | (Number(otherLoad === load) & Number(otherTurn < turn))
  return one ^ ((one ^ other) & -wins)
}
