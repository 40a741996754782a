import type { Clock } from '../core/clock.ts'
import type { Backend } from './backend.ts'
import * as at from './columns.ts'
import { HALF_OPEN, OPEN, type ChangeEvent } from './states.ts'
import { TRIAL_LAPSE_MS } from './view.ts'

/** Moves an open breaker whose time is up to half-open. True for exactly one caller over all threads: it is the trial. */
export function claimTrial(
  backend: Backend,
  clock: Clock,
  onChange: ((event: ChangeEvent) => void) | undefined
): boolean {
  const { table, slot } = backend
  const index = slot * at.INTS + at.BREAKER
  const now = clock.now()
  const from = Atomics.load(table.ints, index)
  if (from === HALF_OPEN) {
    // The trial before this one never ended. Its epoch is the ticket: only one thread can move it on.
    if (now < table.float(slot, at.TRIAL_AT) + TRIAL_LAPSE_MS) return false
    const epoch = table.int(slot, at.EPOCH)
    if (Atomics.compareExchange(table.ints, slot * at.INTS + at.EPOCH, epoch, epoch + 1) !== epoch)
      return false
    table.setFloat(slot, at.TRIAL_AT, now)
    table.bump(slot)
    return true
  }
  if (from !== OPEN || now < table.float(slot, at.OPEN_UNTIL)) return false
  if (Atomics.compareExchange(table.ints, index, OPEN, HALF_OPEN) !== OPEN) return false
  table.setFloat(slot, at.TRIAL_AT, now)
  table.setFloat(slot, at.BREAKER_SINCE, clock.wall())
  Atomics.add(table.ints, slot * at.INTS + at.EPOCH, 1)
  table.bump(slot)
  onChange?.({
    pool: backend.pool,
    backend: backend.name,
    axis: 'breaker',
    from: 'open',
    to: 'half-open',
    reason: 'trial'
  })
  return true
}
