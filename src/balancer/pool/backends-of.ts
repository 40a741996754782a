import type { BackendConfig, PoolConfig } from '../../config/model/model.ts'
import type { Clock } from '../../core/clock.ts'
import { applyEdits, listEdits } from '../table/list-edits.ts'
import type { PoolSlots } from '../table/slot-registry.ts'
import type { BackendTable } from '../table/table.ts'
import { Backend } from './backend.ts'

interface BackendsDeps {
  readonly config: PoolConfig
  readonly slots: PoolSlots
  readonly table: BackendTable
  readonly clock: Clock
  /** The pool of the snapshot before. */
  readonly before?: { readonly config: PoolConfig; readonly backends: readonly Backend[] } | undefined
}

/** The backends of a pool, in order: what stayed the same, in the same row, keeps its object. */
export function backendsOf({ config, slots, table, clock, before }: BackendsDeps): readonly Backend[] {
  const made = (backend: BackendConfig, position: number): Backend =>
    new Backend(config.name, backend, slots.backends[position]!, table, clock)
  if (before === undefined) return config.backends.map(made)
  const stays = (from: number, to: number): boolean => before.backends[from]!.slot === slots.backends[to]
  const edits = listEdits(before.config.backends, config.backends, stays)
  return applyEdits(edits, before.backends, made)
}
