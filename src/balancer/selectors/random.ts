import type { Random } from '../../core/random.ts'
import type { PickContext } from '../pool/pick-context.ts'
import type { View } from '../pool/view.ts'
import { AliasTable, nextAdmitted } from './structures/alias-table.ts'
import type { Selector, SelectorDeps } from './selector.ts'

/** Draws before the pool is walked from a random place instead. */
const DRAWS = 8

/** A random backend, by weight. */
export class RandomOne implements Selector {
  readonly #random: Random
  readonly #table = new AliasTable()

  constructor(deps: SelectorDeps) {
    this.#random = deps.random
  }

  pick(view: View, context: PickContext): number {
    for (let draw = 0; draw < DRAWS; draw++) {
      const position = this.#table.draw(view, this.#random)
      if (position < 0 || view.admits(position, context)) return position
    }
    return nextAdmitted(view, Math.floor(this.#random() * view.count), context)
  }
}
