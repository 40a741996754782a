import { maxDeltaSeconds } from './cache-control.ts'

/**
 * RFC 9111 §5.1: of several values the first counts; anything but a non-negative integer is ignored. Parameters, which
 * the field does not define, are tolerated. Seconds.
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

/** corrected_initial_age of RFC 9111 §4.2.3, in milliseconds: how old the response was when it arrived. */
export function initialAge(facts: AgeFacts): number {
  const apparent = facts.date === undefined ? 0 : Math.max(0, facts.responseTime - facts.date)
  const corrected = facts.ageValue * 1000 + Math.max(0, facts.responseTime - facts.requestTime)
  // Date has whole seconds, so an apparent age below one second comes from rounding.
  return Math.max(apparent < 1000 ? 0 : apparent, corrected)
}
