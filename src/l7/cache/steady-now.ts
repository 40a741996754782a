import type { Clock } from '../../core/clock.ts'

/** Close enough to the wall clock for the century of two-digit years. */
const EPOCH = 1_700_000_000_000

/**
 * The time that ages stored responses: milliseconds of a clock that corrections of the wall clock do not change, the
 * same in all threads. The wall clock is only used to compare with Date, Expires and Age of a response.
 */
export function steadyNow(clock: Pick<Clock, 'now'>): number {
  return EPOCH + clock.now()
}
