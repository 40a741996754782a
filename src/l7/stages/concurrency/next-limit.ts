/** What was measured in one window of time, over all threads. */
export interface LoadSample {
  /** Time that the responses took, by the time that they take at best. */
  readonly slowness: number
  /** Most requests under way at once. */
  readonly peak: number
}

export interface LimitBounds {
  readonly min: number
  readonly max: number
  /** Slowness above which the limit is lowered: 2. */
  readonly tolerance: number
}

/**
 * Share of the distance by which the floor rises per window: half of a lasting change is learnt in about 350 windows.
 */
const FLOOR_RISE = 0.002
/** Weight of a new value per window. */
const SMOOTHING = 0.2

/**
 * The limit for the next window, by the gradient of latency (as in Netflix's concurrency-limits): below the tolerated
 * latency it grows by its square root, which is the queue allowed; above, it shrinks in proportion, at most to half. No
 * request is refused in order to measure: the floors come from the requests that pass. Pure.
 */
export function nextLimit(limit: number, { slowness, peak }: LoadSample, bounds: LimitBounds): number {
  const gradient = Math.min(1, Math.max(0.5, bounds.tolerance / slowness))
  const wanted = limit * gradient + Math.sqrt(limit)
  const smoothed = limit * (1 - SMOOTHING) + wanted * SMOOTHING
  // A limit that is not reached says nothing about a higher one.
  const next = smoothed > limit && peak < limit / 2 ? limit : smoothed
  return Math.min(bounds.max, Math.max(bounds.min, next))
}

/**
 * The best mean latency, ms, `windows` after the last one; 0: none yet. It rises slowly, so that a lasting slowdown is
 * learnt.
 */
export function nextFloor(knownMs: number, latencyMs: number, windows: number): number {
  if (knownMs === 0 || latencyMs < knownMs) return latencyMs
  return knownMs + (latencyMs - knownMs) * (1 - (1 - FLOOR_RISE) ** windows)
}
