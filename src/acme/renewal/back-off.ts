export interface Pace {
  /** Delay before the second try; doubles with each failure. */
  readonly firstMs: number
  readonly longestMs: number
}

/** Authorities count failures, and after some of them refuse for an hour or a week. */
export const PACE: Pace = { firstMs: 60_000, longestMs: 6 * 3_600_000 }

/** Wall clock of the next try after `count` failures in a row; not before `retryAt`. */
export function nextTry(
  count: number,
  now: number,
  chance: number,
  retryAt: number | undefined,
  { firstMs, longestMs }: Pace
): number {
  const wait = Math.min(firstMs * 2 ** Math.min(count - 1, 20), longestMs)
  // Up to a tenth earlier or later, so that fifty names do not come at once again.
  return Math.max(Math.round(now + wait * (0.9 + 0.2 * chance)), retryAt ?? 0)
}
