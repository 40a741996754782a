import type { LoadOrder } from '../table/load-tree.ts'
import type { View } from '../pool/view.ts'

/**
 * Leases for the weight, counted over all threads. In slow start the weight is small, so no stampede.
 * Orders are classes, not object literals: so each has a shape of its own and the engine inlines `load`.
 */
export class LeastConnections implements LoadOrder {
  load(view: View, position: number): number {
    const active = view.activeIfFree(position)
    return active < 0 ? Infinity : active / view.weight(position)
  }
}
