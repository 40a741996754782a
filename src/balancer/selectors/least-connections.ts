import type { LoadOrder } from '../load-tree.ts'

/** Leases for the weight, counted over all threads. In slow start the weight is small, so no stampede. */
export const leastConnections: LoadOrder = {
  load(view, position) {
    const active = view.activeIfFree(position)
    return active < 0 ? Infinity : active / view.weight(position)
  }
}
