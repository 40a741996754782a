import type { LoadOrder } from '../load-tree.ts'
import type { View } from '../view.ts'

/** Leases for the weight, counted over all threads. In slow start the weight is small, so no stampede. */
export const leastConnections: LoadOrder = {
  load(view: View, position: number): number {
    if (view.flags[position] === 0) return Infinity
    const active = view.active(position)
    const limit = view.limits[position]!
    return limit !== 0 && active >= limit ? Infinity : active / view.weights[position]!
  }
}
