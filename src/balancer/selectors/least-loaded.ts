import * as at from '../table/columns.ts'
import { LoadTree, treeBytes, type LoadOrder } from '../table/load-tree.ts'
import type { PickContext } from '../pool/pick-context.ts'
import { CLOSED } from '../pool/states.ts'
import { breakerOf } from '../table/table.ts'
import type { View } from '../pool/view.ts'
import type { Selector, SelectorDeps } from './selector.ts'

/** Up to this size a pool is searched: that costs less than keeping the tree in order at each lease and release. */
const SMALL = 8
/** Looks at the tree's root before the pool is searched from end to end. */
const LOOKS = 4

/**
 * The least loaded by some order, from a tree that all threads share. Among equals the one whose turn it is, so an
 * idle pool is served in turn and by weight instead of always from the top.
 */
export class LeastLoaded implements Selector {
  readonly #order: LoadOrder
  readonly #small: boolean
  readonly #tree: LoadTree
  /** Effective weights (0: not usable) as this thread last told the tree. */
  readonly #told: Float64Array
  #revision = -1
  #resets = 0

  constructor(order: LoadOrder, { config, tree }: SelectorDeps) {
    const size = config.backends.length
    this.#order = order
    this.#small = size <= SMALL
    this.#tree = new LoadTree(tree ?? new ArrayBuffer(treeBytes(size)), size, order)
    this.#told = new Float64Array(size).fill(-1)
  }

  pick(view: View, context: PickContext): number {
    if (view.count === 0) return -1
    if (!this.#small && view.revision !== this.#revision) this.#tell(view)
    let position = view.trials > 0 ? trial(view, context) : -1
    if (position < 0) position = this.#small ? this.#search(view, context) : this.#look(view, context)
    if (position >= 0) this.#stamp(view, position)
    return position
  }

  changed(view: View, position: number): void {
    if (this.#small) return
    if (view.revision !== this.#revision) this.#tell(view)
    this.#tree.refresh(view, position)
  }

  #look(view: View, context: PickContext): number {
    const tree = this.#tree
    for (let look = 0; look < LOOKS; look++) {
      const winner = tree.winner
      if (view.admits(winner, context)) {
        if (tree.knows(view, winner)) return winner
        // Another thread has changed a leaf and not yet updated the root (it may be preempted): this thread does it instead.
        tree.refresh(view, winner, true)
        continue
      }
      // The winner was tried already, or all are full. Otherwise a thread with an older view stored it: update the tree.
      if (tree.load(winner) === Infinity || context.tried?.includes(view.backends[winner]!)) break
      tree.refresh(view, winner)
    }
    return this.#search(view, context)
  }

  /** From end to end: small pools, retries, and pools that are full or nearly so. */
  #search(view: View, context: PickContext): number {
    const tree = this.#tree
    let best = -1
    let bestLoad = Infinity
    for (let place = 0; place < view.count; place++) {
      const position = view.at(place)
      const load = this.#order.load(view, position)
      if (load === Infinity || load > bestLoad) continue
      if (load === bestLoad && tree.turn(position) >= tree.turn(best)) continue
      if (!view.spares(position, context)) continue
      best = position
      bestLoad = load
    }
    return best
  }

  /** Tells the tree what has changed between the views: usable or not, and weights. */
  #tell(view: View): void {
    this.#revision = view.revision
    const resets = Atomics.load(view.table.pools, view.pool * at.POOL_INTS + at.RESETS)
    if (resets !== this.#resets) this.#told.fill(-1)
    this.#resets = resets
    for (let position = 0; position < this.#told.length; position++) {
      const weight = view.isUsable(position) ? view.weight(position) : 0
      if (weight === this.#told[position]) continue
      this.#told[position] = weight
      this.#tree.refresh(view, position)
    }
  }

  /**
   * Moves a backend's turn on by 1/weight. One that comes back after a pause does not make up for it (it would take
   * every tie for as long as it was away): it begins where the pool stands.
   */
  #stamp(view: View, position: number): void {
    const { virtualTime } = view.table
    const turn = Math.max(this.#tree.turn(position), virtualTime[view.pool]!)
    virtualTime[view.pool] = turn
    this.#tree.stamp(position, turn + 1 / view.weight(position))
  }
}

/** A backend whose breaker waits for its trial goes first: by its load (failing or slow before) it might never be picked. */
function trial(view: View, context: PickContext): number {
  for (let i = 0; i < view.count; i++) {
    const position = view.usable[i]!
    const word = view.table.int(view.slot(position), at.BREAKER)
    if (breakerOf(word) !== CLOSED && view.admits(position, context)) return position
  }
  return -1
}
