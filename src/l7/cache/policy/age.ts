import { maxDeltaSeconds } from './cache-control.ts'

/**
 * RFC 9111 §5.1: the first value counts when there are several; what is no non-negative integer is ignored.
 * Parameters, which the field does not have, are forgiven. Seconds.
 */
export function parseAge(field: string | undefined): number {
  const digits = /^\s*(\d+)\s*(?:[,;]|$)/.exec(field ?? '')
  return digits === null ? 0 : Math.min(Number(digits[1]), maxDeltaSeconds)
}

export interface AgeFacts {
  /** Value of the Age field in seconds. */
  readonly ageValue: number
  /** Value of the Date field in milliseconds; undefined when absent or invalid. */
  readonly date: number | undefined
  readonly requestTime: number
  readonly responseTime: number
}

/** corrected_initial_age of RFC 9111 §4.2.3, in milliseconds: how old it was when the response had arrived. */
export function initialAge(facts: AgeFacts): number {
  const apparent = facts.date === undefined ? 0 : Math.max(0, facts.responseTime - facts.date)
  const corrected = facts.ageValue * 1000 + Math.max(0, facts.responseTime - facts.requestTime)
  // Date has whole seconds, so an apparent age below one second is rounding, not age.
  return Math.max(apparent < 1000 ? 0 : apparent, corrected)
}
