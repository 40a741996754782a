import type { OutlierConfig } from '../config/model/model.ts'

/** Results of one backend in the last interval. */
export interface Tally {
  readonly requests: number
  readonly failures: number
  readonly ejected: boolean
}

/**
 * Which to eject: those whose share of errors exceeds that of the rest of the pool by `errorShare`, the worst first,
 * as long as no more than `maxEjected` of the pool is out, and always one left. Compared with the rest, not with the
 * whole, of which the worst is a part: one bad of two would make the whole look half bad.
 */
export function outliers(tallies: readonly Tally[], config: OutlierConfig): number[] {
  const requests = tallies.reduce((sum, tally) => sum + tally.requests, 0)
  const failures = tallies.reduce((sum, tally) => sum + tally.failures, 0)
  const excess = (tally: Tally): number => {
    const others = requests - tally.requests
    const share = others === 0 ? 0 : (failures - tally.failures) / others
    return tally.failures / tally.requests - share
  }
  const out = tallies.filter((tally) => tally.ejected).length
  const most = Math.min(Math.floor(tallies.length * config.maxEjected), tallies.length - 1)
  return tallies
    .map((tally, position) => ({ tally, position }))
    .filter(({ tally }) => !tally.ejected && tally.requests >= Math.max(1, config.minRequests))
    .map(({ tally, position }) => ({ position, excess: excess(tally) }))
    .filter((candidate) => candidate.excess >= config.errorShare)
    .sort((a, b) => b.excess - a.excess)
    .slice(0, Math.max(0, most - out))
    .map(({ position }) => position)
}
