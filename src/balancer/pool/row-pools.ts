import type { BackendTable } from '../table/table.ts'

/** A pool as others of its row know it. */
interface RowPool {
  readonly table: BackendTable
  readonly row: number
  /** The load of a backend has changed. */
  changedSlot(slot: number): void
}

/** What the pools of one row in one thread share, from snapshot to snapshot. */
export interface RowPools {
  newest: RowPool
}

const rows = new WeakMap<BackendTable, Map<number, RowPools>>()

export function joinRow(pool: RowPool): RowPools {
  const ofTable = rows.get(pool.table) ?? new Map<number, RowPools>()
  rows.set(pool.table, ofTable)
  const row = ofTable.get(pool.row) ?? { newest: pool }
  ofTable.set(pool.row, row)
  row.newest = pool
  return row
}
