import type { Backend } from '../balancer/backend.ts'
import * as at from '../balancer/columns.ts'
import { beginSlowStart } from '../balancer/slow-start.ts'
import { ADMIN_STATES, type AdminState, type ChangeEvent } from '../balancer/states.ts'
import type { Clock } from '../core/clock.ts'

export interface OperatorParts {
  readonly clock: Clock
  readonly onChange: (event: ChangeEvent) => void
}

/** Says whether a backend may be used. Main thread only: ADMIN has one writer. */
export function setAdminState(
  backend: Backend,
  state: AdminState,
  slowStartMs: number,
  { clock, onChange }: OperatorParts
): void {
  const from = backend.admin
  const { table, slot, pool, name } = backend
  if (!table.exchange(slot, at.ADMIN, ADMIN_STATES.indexOf(state))) return
  table.setFloat(slot, at.ADMIN_SINCE, clock.wall())
  if (state === 'ready') beginSlowStart(backend, slowStartMs, clock)
  table.bump(slot)
  onChange({ pool, backend: name, axis: 'admin', from, to: state, reason: 'operator' })
}

/** Puts a weight in force until the next start, over the configured one. */
export function setWeight(backend: Backend, weight: number, { onChange }: OperatorParts): void {
  const from = backend.weight
  const { table, slot, pool, name } = backend
  if (from === weight) return
  table.exchange(slot, at.WEIGHT, weight === backend.configuredWeight ? 0 : weight)
  table.bump(slot)
  onChange({ pool, backend: name, axis: 'weight', from: `${from}`, to: `${weight}`, reason: 'operator' })
}
