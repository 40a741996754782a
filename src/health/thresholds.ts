import type { ProbeState } from '../balancer/pool/states.ts'

/** What the probes of one backend have led to. */
export interface Standing {
  readonly state: ProbeState
  /** Results in a row that contradict `state`. */
  readonly streak: number
  /** Quick relapses: times it went down again soon after it had recovered. */
  readonly relapses: number
  /** When it last came up after having been down; -Infinity: never. */
  readonly recoveredAt: number
}

export const UNKNOWN: Standing = { state: 'unknown', streak: 0, relapses: 0, recoveredAt: -Infinity }

export interface Thresholds {
  readonly rise: number
  readonly fall: number
  readonly intervalMs: number
}

/** Going down within this many intervals of a recovery is a relapse. */
const RELAPSE_INTERVALS = 10
/** Each relapse doubles `rise`, up to 2^this: a backend that flaps comes back ever later instead of ever again. */
const MOST_DOUBLINGS = 3

/**
 * The standing after one more result. The first verdict is taken at once, from a single result: a backend that is
 * down when `lb` starts costs one probe, not `fall` of them, and one that is up need not prove it twice.
 */
export function judge(standing: Standing, passed: boolean, thresholds: Thresholds, now: number): Standing {
  if (standing.state === 'unknown') return { ...standing, state: passed ? 'up' : 'down', streak: 0 }
  if ((standing.state === 'up') === passed)
    return standing.streak === 0 ? standing : { ...standing, streak: 0 }

  const streak = standing.streak + 1
  if (standing.state === 'up') {
    if (streak < thresholds.fall) return { ...standing, streak }
    const soon = now - standing.recoveredAt < RELAPSE_INTERVALS * thresholds.intervalMs
    return { ...standing, state: 'down', streak: 0, relapses: soon ? standing.relapses + 1 : 0 }
  }
  if (streak < riseOf(standing, thresholds)) return { ...standing, streak }
  return { ...standing, state: 'up', streak: 0, recoveredAt: now }
}

export function riseOf(standing: Standing, thresholds: Thresholds): number {
  return thresholds.rise * 2 ** Math.min(standing.relapses, MOST_DOUBLINGS)
}
