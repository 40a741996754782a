import * as at from '../table/columns.ts'
import type { LoadOrder } from '../table/load-tree.ts'
import type { View } from '../pool/view.ts'

const LOGS = Float64Array.from({ length: 2048 }, (_, count) => Math.log(count))
/** Above any real cost: one that was never measured and has a request out waits for its answer. */
const UNMEASURED = 1e12

/**
 * Expected wait: decayed peak latency × (leases + 1) / weight, in logarithms, because then decay is the same
 * subtraction for all and the order of two backends holds while neither is touched (peak-ewma.ts). One that was never
 * measured goes first, with one request.
 */
export class LeastTime implements LoadOrder {
  load(view: View, position: number): number {
    const active = view.activeIfFree(position)
    if (active < 0) return Infinity
    const cost = view.table.hot[view.slot(position) * at.HOT_FLOATS + at.LOG_COST]!
    if (cost === 0) return active === 0 ? -1e300 : UNMEASURED + active
    const leases = active + 1 < LOGS.length ? LOGS[active + 1]! : Math.log(active + 1)
    return cost + leases - view.logWeight(position)
  }
}
