import { LoadTree, TREE_FROM, type LoadOrder } from '../load-tree.ts'
import type { PickContext } from '../pick-context.ts'
import { breakerOf, CLOSED } from '../states.ts'
import * as at from '../columns.ts'
import type { View } from '../view.ts'
import type { Selector } from './selector.ts'

/** Looks at the tree's root before the pool is searched from end to end. */
const LOOKS = 4

/**
 * The least loaded by some order; among equals the one whose turn it is, so an idle pool is served in turn and by
 * weight instead of always from the top. Small pools are searched, large ones keep a tree that all threads share.
 */
export class LeastLoaded implements Selector {
  readonly #order: LoadOrder
  readonly #tree: LoadTree | undefined
  /** Effective weights (0: not usable) as this thread last told the tree. */
  readonly #told: Float64Array
  #revision = -1

  constructor(order: LoadOrder, size: number, tree: ArrayBufferLike | undefined) {
    this.#order = order
    this.#tree = size >= TREE_FROM && tree !== undefined ? new LoadTree(tree, size, order) : undefined
    this.#told = new Float64Array(this.#tree === undefined ? 0 : size).fill(-1)
  }

  pick(view: View, context: PickContext): number {
    if (view.trials > 0) {
      const trial = this.#trial(view, context)
      if (trial >= 0) return trial
    }
    const position = this.#tree === undefined ? this.#search(view, context) : this.#look(view, context)
    if (position >= 0) stamp(view, position)
    return position
  }

  changed(view: View, position: number): void {
    if (this.#tree === undefined) return
    if (view.revision !== this.#revision) this.#tell(view)
    this.#tree.refresh(view, position)
  }

  #look(view: View, context: PickContext): number {
    const tree = this.#tree!
    if (view.revision !== this.#revision) this.#tell(view)
    for (let look = 0; look < LOOKS; look++) {
      const winner = tree.winner
      if (view.admits(winner, context)) return winner
      // Tried already, or all are full or out. Else a thread with an older view has put it there: play again.
      if (view.flags[winner] === 1 && !view.isFull(winner)) break
      tree.refresh(view, winner)
      if (tree.winner === winner) break
    }
    return this.#search(view, context)
  }

  /** Tells the tree what has changed between the views: usable or not, and weights. */
  #tell(view: View): void {
    this.#revision = view.revision
    for (let position = 0; position < this.#told.length; position++) {
      const weight = view.flags[position] === 1 ? view.weights[position]! : 0
      if (weight === this.#told[position]) continue
      this.#told[position] = weight
      this.#tree!.refresh(view, position)
    }
  }

  #search(view: View, context: PickContext): number {
    let best = -1
    let bestLoad = Infinity
    let bestPass = Infinity
    for (let i = 0; i < view.count; i++) {
      const position = view.usable[i]!
      const load = this.#order.load(view, position)
      if (load > bestLoad) continue
      const pass = view.pass(position)
      if (load === bestLoad && pass >= bestPass) continue
      if (!view.admits(position, context)) continue
      best = position
      bestLoad = load
      bestPass = pass
    }
    return best
  }

  /** A breaker whose trial is due goes first: by its load (last seen failing, or slow) it might never be asked. */
  #trial(view: View, context: PickContext): number {
    for (let i = 0; i < view.count; i++) {
      const position = view.usable[i]!
      const word = view.table.int(view.slots[position]!, at.BREAKER)
      if (breakerOf(word) !== CLOSED && view.admits(position, context)) return position
    }
    return -1
  }
}

/**
 * Moves a backend's turn on by 1/weight. One that comes back after a pause does not make up for it (it would take
 * every tie for as long as it was away): it begins where the pool stands.
 */
function stamp(view: View, position: number): void {
  const { hot, virtualTime } = view.table
  const index = view.slots[position]! * at.HOT_FLOATS + at.PASS
  const pass = Math.max(hot[index]!, virtualTime[view.pool]!)
  virtualTime[view.pool] = pass
  hot[index] = pass + 1 / view.weights[position]!
}
