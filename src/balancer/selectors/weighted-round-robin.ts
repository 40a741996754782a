import * as at from '../table/columns.ts'
import type { Random } from '../../core/random.ts'
import type { PickContext } from '../pool/pick-context.ts'
import type { BackendTable } from '../table/table.ts'
import type { View } from '../pool/view.ts'
import { nextTurn } from './round-robin.ts'
import { smoothSequence } from './structures/smooth-sequence.ts'
import { StrideHeap } from './structures/stride-heap.ts'
import { WeightGroups } from './structures/weight-groups.ts'
import type { Selector, SelectorDeps } from './selector.ts'

/**
 * Smooth weighted round robin. A short cycle is laid out and walked by a turn that all threads share: exact, one
 * atomic addition per pick. Where the cycle would be too long, each thread goes round on its own, from a random start:
 * over groups of equal weight, or, where there are too many of these, by a stride heap in O(log n). The shares are the same.
 */
export class WeightedRoundRobin implements Selector {
  readonly #table: BackendTable
  readonly #turn: number
  readonly #random: Random
  #revision = -1
  #sequence: Uint16Array | undefined
  #rounds: WeightGroups | StrideHeap | undefined

  constructor(deps: SelectorDeps) {
    this.#table = deps.table
    this.#turn = deps.pool * at.POOL_INTS + at.TURN
    this.#random = deps.random
  }

  pick(view: View, context: PickContext): number {
    if (view.count === 0) return -1
    if (view.revision !== this.#revision) this.#rebuild(view)
    return this.#sequence !== undefined ? this.#walk(view, context) : this.#rounds!.pick(view, context)
  }

  #walk(view: View, context: PickContext): number {
    const sequence = this.#sequence!
    let place = nextTurn(this.#table, this.#turn, sequence.length)
    for (let step = 0; step < sequence.length; step++) {
      const position = view.at(sequence[place]!)
      if (++place === sequence.length) place = 0
      if (view.admits(position, context)) return position
    }
    return -1
  }

  #rebuild(view: View): void {
    this.#revision = view.revision
    this.#sequence = undefined
    if (view.count <= 4096) {
      const weights: number[] = []
      for (let i = 0; i < view.count; i++) weights.push(view.weight(view.at(i)))
      this.#sequence = smoothSequence(weights)
    }
    this.#rounds =
      this.#sequence === undefined
        ? (WeightGroups.of(view, this.#random) ?? new StrideHeap(view, this.#random))
        : undefined
  }
}
