import type { Random } from '../core/random.ts'
import type { ProbeConfig } from '../config/model/model.ts'
import type { Standing } from './thresholds.ts'

type Intervals = Pick<ProbeConfig, 'intervalMs' | 'downIntervalMs' | 'timeoutMs' | 'jitter'>

/**
 * Milliseconds from the start of one probe to the start of the next (which also waits for the first to end).
 * Jitter only shortens, and while results contradict a state of up the next probe starts after one timeout, so a
 * backend that hangs is out within interval + timeout × fall.
 */
export function untilNextProbe(standing: Standing, config: Intervals, random: Random): number {
  const { intervalMs, downIntervalMs, timeoutMs, jitter } = config
  const period =
    standing.state === 'down'
      ? Math.min(downIntervalMs, intervalMs)
      : standing.streak > 0
        ? Math.min(timeoutMs, intervalMs)
        : intervalMs
  return period * (1 - jitter * random())
}

/** Start of the `index`th first probe: at once for a few, spread over one interval for thousands. */
export function firstProbeAfter(index: number, count: number, intervalMs: number): number {
  const SPACING_MS = 5
  return (index * Math.min(intervalMs, count * SPACING_MS)) / count
}
