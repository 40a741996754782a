/** How requests are counted: tokens that come back one by one, or windows of time. */
export type RateAlgorithm = 'token-bucket' | 'sliding-window' | 'fixed-window'

/** One rate limit, in the units that its table counts in. Made by `rateRule`. */
export interface RateRule {
  readonly algorithm: RateAlgorithm
  /** Requests (or what `cost` makes of them) per `perMs`. */
  readonly requests: number
  readonly perMs: number
  /** token-bucket: how many may come at once. Windows: `requests`. */
  readonly burst: number
  /** token-bucket: units of time in which one token comes back, and the length of a unit in ms. */
  readonly unitsPerToken: number
  readonly unitMs: number
}

/** Windows shorter than this could not be told apart from old ones (see rate-table.ts). */
export const MIN_PER_MS = 100

/** Room of a token bucket's word: half of its positive half, so that `now` can pass an entry by as much again. */
const MAX_DEBT_UNITS = 2 ** 29

/** A nanosecond: within the second for which an entry may stand untouched, no word comes round. */
const MIN_UNIT_MS = 1e-6

export function rateRule({
  algorithm,
  requests,
  perMs,
  burst
}: Pick<RateRule, 'algorithm' | 'requests' | 'perMs' | 'burst'>): RateRule {
  // Whole units per token: adding a token's worth never rounds, so a rate is exact however long it lasts.
  const tokenMs = perMs / requests
  const most = Math.min(1000, Math.floor(MAX_DEBT_UNITS / (2 * burst)), Math.floor(tokenMs / MIN_UNIT_MS))
  const unitsPerToken = Math.max(1, most)
  return { algorithm, requests, perMs, burst, unitsPerToken, unitMs: tokenMs / unitsPerToken }
}
