import type { Clock } from '../../core/clock.ts'

/** Near enough to the wall's that dates with two digits of a year are read right. */
const EPOCH = 1_700_000_000_000

/**
 * The time by which what is stored ages: milliseconds of a clock that no correction of the wall clock moves, the same in
 * all threads. The wall clock is asked only where Date, Expires and Age of a response are compared with it.
 */
export function steadyNow(clock: Pick<Clock, 'now'>): number {
  return EPOCH + clock.now()
}
