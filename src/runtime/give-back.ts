import * as at from '../balancer/columns.ts'
import type { BackendTable } from '../balancer/table.ts'

/**
 * Gives back what a thread that is gone held: leases, sockets and places in queues. The thread's rows say how many,
 * and it writes them no more. Queues of other threads notice within their 20 ms look.
 */
export function giveBack(table: BackendTable, thread: number): void {
  const { capacity, held, ints, pools, queues } = table
  const columns = [
    [at.HELD_ACTIVE, at.ACTIVE],
    [at.HELD_SOCKETS, at.SOCKETS],
    [at.HELD_STARVED, at.STARVED]
  ] as const
  for (let slot = 0; slot < capacity; slot++) {
    const row = (thread * capacity + slot) * at.HELD
    for (const [heldColumn, column] of columns) {
      const count = held[row + heldColumn]!
      if (count === 0) continue
      held[row + heldColumn] = 0
      Atomics.sub(ints, slot * at.INTS + column, count)
      if (column === at.ACTIVE) {
        const pool = table.int(slot, at.POOL)
        Atomics.sub(pools, pool * at.POOL_INTS + at.POOL_ACTIVE, count)
      }
    }
  }
  const { poolCapacity } = table.buffers
  for (let pool = 0; pool < poolCapacity; pool++) {
    const row = (thread * poolCapacity + pool) * at.QUEUES
    const waiting = queues[row + at.LENGTH]!
    if (waiting === 0) continue
    Atomics.store(queues, row + at.HEAD, 0)
    queues[row + at.LENGTH] = 0
    Atomics.sub(pools, pool * at.POOL_INTS + at.WAITING, waiting)
  }
}
