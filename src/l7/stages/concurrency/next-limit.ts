/** What was measured in one window of time, over all threads. */
export interface LoadSample {
  /** Mean time of the responses, ms. */
  readonly latencyMs: number
  /** Most requests under way at once. */
  readonly peak: number
}

export interface LimitState {
  readonly limit: number
  /** The best mean latency, which rises slowly so that a lasting slowdown is learnt; 0: none yet. */
  readonly floorMs: number
}

export interface LimitBounds {
  readonly min: number
  readonly max: number
  /** Ratio of latency to floor above which the limit is lowered: 2. */
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
 * request is refused in order to measure: the floor comes from the requests that pass. Pure.
 */
export function nextLimit(state: LimitState, sample: LoadSample, bounds: LimitBounds): LimitState {
  const { latencyMs, peak } = sample
  const known = state.floorMs
  const floorMs = known === 0 || latencyMs < known ? latencyMs : known + (latencyMs - known) * FLOOR_RISE
  const gradient = Math.min(1, Math.max(0.5, (bounds.tolerance * floorMs) / latencyMs))
  const wanted = state.limit * gradient + Math.sqrt(state.limit)
  const smoothed = state.limit * (1 - SMOOTHING) + wanted * SMOOTHING
  // A limit that is not reached says nothing about a higher one.
  const limit = smoothed > state.limit && peak < state.limit / 2 ? state.limit : smoothed
  return { limit: Math.min(bounds.max, Math.max(bounds.min, limit)), floorMs }
}
