import type { Clock } from '../../core/clock.ts'
import type { Backend } from './backend.ts'
import * as at from '../table/columns.ts'
import { CLOSED, HALF_OPEN, type ChangeEvent } from './states.ts'
import { breakerOf, movedBreaker } from '../table/table.ts'
import { TRIAL_LAPSE_MS } from './view.ts'

/**
 * Moves an open breaker whose time is up to half-open, and gives its new word to exactly one caller over all threads:
 * the trial. One that does not end (its exchange outlasts the lapse) or cannot (lapseTrial) is replaced by another.
 */
export function claimTrial(
  backend: Backend,
  clock: Clock,
  onChange: ((event: ChangeEvent) => void) | undefined
): number | undefined {
  const { table, slot } = backend
  const index = slot * at.INTS + at.BREAKER
  const now = clock.now()
  const word = Atomics.load(table.ints, index)
  const state = breakerOf(word)
  if (state === CLOSED) return word
  const due =
    state === HALF_OPEN ? table.float(slot, at.TRIAL_AT) + TRIAL_LAPSE_MS : table.float(slot, at.OPEN_UNTIL)
  if (now < due) return undefined
  // Before the swap: whoever sees half-open must not find the time of an earlier trial, long lapsed. Threads that
  // race here write the same millisecond.
  table.setFloat(slot, at.TRIAL_AT, now)
  const moved = movedBreaker(word, HALF_OPEN)
  if (Atomics.compareExchange(table.ints, index, word, moved) !== word) return undefined
  table.setFloat(slot, at.TRIAL_BY, table.thread)
  table.bump(slot)
  if (state === HALF_OPEN) return moved
  table.setFloat(slot, at.BREAKER_SINCE, clock.wall())
  const { pool, name } = backend
  onChange?.({
    pool,
    backend: name,
    axis: 'breaker',
    from: 'open',
    to: 'half-open',
    reason: 'one trial request'
  })
  return moved
}
