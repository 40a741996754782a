import * as at from '../table/columns.ts'
import type { Random } from '../../core/random.ts'
import type { BackendTable } from '../table/table.ts'
import type { PickContext } from '../pool/pick-context.ts'
import type { View } from '../pool/view.ts'
import type { Selector, SelectorDeps } from './selector.ts'

/**
 * Takes the pool's next turn: 0 to `count` - 1. In 31 bits, of which the remainder is a division of integers; of an
 * unsigned 32-bit number it is one of floats, 18 ns.
 */
export function nextTurn(table: BackendTable, index: number, count: number): number {
  return (Atomics.add(table.pools, index, 1) & 0x7fffffff) % count
}

/** Takes the backends in turn. All threads share the counter, so the spread is exact over all of them. */
export class RoundRobin implements Selector {
  readonly #table: BackendTable
  readonly #turn: number
  readonly #random: Random

  constructor(deps: SelectorDeps) {
    this.#table = deps.table
    this.#turn = deps.pool * at.POOL_INTS + at.TURN
    this.#random = deps.random
  }

  pick(view: View, context: PickContext): number {
    const count = view.count
    if (count === 0) return -1
    let place = nextTurn(this.#table, this.#turn, count)
    let passedOver = -1
    for (let step = 0; step < count; step++) {
      const position = view.at(place)
      if (++place === count) place = 0
      if (!view.admits(position, context)) continue
      // In slow start it takes its turn with the ramp's probability; else the next does.
      if (!view.ramping || view.ramps[position] === 1 || this.#random() < view.ramps[position]!)
        return position
      if (passedOver < 0) passedOver = position
    }
    return passedOver
  }
}
