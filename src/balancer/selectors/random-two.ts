import type { Random } from '../../core/random.ts'
import type { PickContext } from '../pick-context.ts'
import type { View } from '../view.ts'
import { AliasTable, nextAdmitted } from './alias-table.ts'
import type { Selector, SelectorParts } from './selector.ts'

const DRAWS = 8

/**
 * Two at random, by weight, and of these the one with fewer leases for its weight. Two choices take the longest queue
 * from log n / log log n to log log n (Mitzenmacher 2001), and many balancers do not all run to the same idle backend.
 */
export class RandomTwo implements Selector {
  readonly #random: Random
  readonly #table = new AliasTable()

  constructor(parts: SelectorParts) {
    this.#random = parts.random
  }

  pick(view: View, context: PickContext): number {
    const first = this.#draw(view, context, -1)
    if (first < 0 || view.count === 1) return first
    const second = this.#draw(view, context, first)
    if (second < 0) return first
    const load = view.active(first) / view.weight(first)
    return view.active(second) / view.weight(second) < load ? second : first
  }

  /** One that is admitted and is not `other`; -1: there is none (or, with an `other`, none was found). */
  #draw(view: View, context: PickContext, other: number): number {
    for (let draw = 0; draw < DRAWS; draw++) {
      const position = this.#table.draw(view, this.#random)
      if (position < 0) return -1
      if (position !== other && view.admits(position, context)) return position
    }
    return other >= 0 ? -1 : nextAdmitted(view, Math.floor(this.#random() * view.count), context)
  }
}
