import * as at from '../columns.ts'
import type { Random } from '../../core/random.ts'
import type { BackendTable } from '../table.ts'
import type { PickContext } from '../pick-context.ts'
import type { View } from '../view.ts'
import type { Selector, SelectorParts } from './selector.ts'

/** One after the other. The turn is shared by all threads, so the spread is exact over all of them. */
export class RoundRobin implements Selector {
  readonly #table: BackendTable
  readonly #turn: number
  readonly #random: Random

  constructor(parts: SelectorParts) {
    this.#table = parts.table
    this.#turn = parts.pool * at.POOL_INTS + at.TURN
    this.#random = parts.random
  }

  pick(view: View, context: PickContext): number {
    const count = view.count
    if (count === 0) return -1
    const turn = Atomics.add(this.#table.pools, this.#turn, 1) >>> 0
    let passedOver = -1
    for (let step = 0; step < count; step++) {
      const position = view.at((turn + step) % count)
      if (!view.admits(position, context)) continue
      // In slow start it takes its turn with the ramp's probability; else the next does.
      if (!view.ramping || view.ramps[position] === 1 || this.#random() < view.ramps[position]!)
        return position
      if (passedOver < 0) passedOver = position
    }
    return passedOver
  }
}
