import type { Random } from '../../core/random.ts'
import type { PickContext } from '../pool/pick-context.ts'
import type { View } from '../pool/view.ts'
import { AliasTable, nextAdmitted } from './structures/alias-table.ts'
import type { Selector, SelectorDeps } from './selector.ts'

const DRAWS = 8

/**
 * Two at random, by weight, and of these the one with fewer leases for its weight. Two choices take the longest queue
 * from log n / log log n to log log n (Mitzenmacher 2001), and many balancers do not all run to the same idle backend.
 */
export class RandomTwo implements Selector {
  readonly #random: Random
  readonly #table = new AliasTable()

  constructor(deps: SelectorDeps) {
    this.#random = deps.random
  }

  pick(view: View, context: PickContext): number {
    const first = this.#first(view, context)
    if (first < 0 || view.count === 1) return first
    const active = view.active(first)
    // An idle backend cannot be beaten, so the second draw is not needed.
    if (active === 0) return first
    const second = this.#second(view, context, first)
    if (second < 0) return first
    // As active / weight < active / weight: divisions are the dearest arithmetic there is.
    return view.active(second) * view.weight(first) < active * view.weight(second) ? second : first
  }

  #first(view: View, context: PickContext): number {
    for (let draw = 0; draw < DRAWS; draw++) {
      const position = this.#table.draw(view, this.#random)
      if (position < 0 || view.admits(position, context)) return position
    }
    return nextAdmitted(view, Math.floor(this.#random() * view.count), context)
  }

  /** A second backend, or -1. In a small pool the first is often drawn again: then a neighbour is taken instead. */
  #second(view: View, context: PickContext, first: number): number {
    const drawn = this.#table.draw(view, this.#random)
    if (drawn !== first && view.admits(drawn, context)) return drawn
    const start = Math.floor(this.#random() * view.count)
    for (let step = 0; step < Math.min(DRAWS, view.count); step++) {
      const position = view.at((start + step) % view.count)
      if (position !== first && view.admits(position, context)) return position
    }
    return -1
  }
}
