import * as at from './columns.ts'
import type { BackendTable } from './table.ts'

/** Nothing will be heard of the half-open trial of `slot`, or it tells nothing any more: the next request is the trial. */
export function lapseTrial(table: BackendTable, slot: number): void {
  table.setFloat(slot, at.TRIAL_AT, -Infinity)
  table.bump(slot)
}
