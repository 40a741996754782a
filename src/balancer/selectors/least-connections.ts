import * as at from '../columns.ts'
import type { PickContext } from '../pick-context.ts'
import type { View } from '../view.ts'
import type { Selector } from './selector.ts'

/**
 * The fewest leases for its weight, counted exactly over all threads. Among equals the one whose turn it is (PASS),
 * so an idle pool is served in turn and by weight instead of always from the top.
 */
export class LeastConnections implements Selector {
  pick(view: View, context: PickContext): number {
    let best = -1
    let bestLoad = Infinity
    let bestPass = Infinity
    const { ints, floats } = view.table
    for (let i = 0; i < view.count; i++) {
      const position = view.usable[i]!
      const slot = view.slots[position]!
      const load = Atomics.load(ints, slot * at.INTS + at.ACTIVE) / view.weights[position]!
      if (load > bestLoad) continue
      const pass = floats[slot * at.FLOATS + at.PASS]!
      if (load === bestLoad && pass >= bestPass) continue
      if (!view.admits(position, context)) continue
      best = position
      bestLoad = load
      bestPass = pass
    }
    if (best >= 0) stamp(view, best)
    return best
  }
}

/**
 * Moves a backend's turn on by 1/weight. One that comes back after a pause does not make up for it (it would take
 * every tie for as long as it was away): it begins where the pool stands.
 */
export function stamp(view: View, position: number): void {
  const slot = view.slots[position]!
  const { floats, virtualTime } = view.table
  const pool = view.pool
  const pass = Math.max(floats[slot * at.FLOATS + at.PASS]!, virtualTime[pool]!)
  virtualTime[pool] = pass
  floats[slot * at.FLOATS + at.PASS] = pass + 1 / view.weights[position]!
}
