/** A number in [0, 1). Math.random, or a seeded one where a run must be repeatable. */
export type Random = () => number

export const systemRandom: Random = Math.random

/** mulberry32: small, fast, good enough for choosing backends and jitter; never for secrets. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}
