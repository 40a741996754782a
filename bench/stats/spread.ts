/** A figure over several rounds: the median, because one disturbed round must not move it, and how far rounds lay apart. */
export interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
}

/** Values that are not finite are left out; undefined when none is left. */
export function spread(values: readonly (number | undefined)[]): Spread | undefined {
  const sorted = values.filter((value): value is number => Number.isFinite(value)).sort((a, b) => a - b)
  if (sorted.length === 0) return undefined
  const middle = sorted.length >> 1
  const median = sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
  return { median, min: sorted[0]!, max: sorted[sorted.length - 1]! }
}

/**
 * The ratio of two contestants, taken round by round and only then condensed: rounds are neighbours in time, so what
 * the machine did meanwhile falls on both and cancels out.
 */
export function ratio(
  ours: readonly (number | undefined)[],
  theirs: readonly (number | undefined)[]
): Spread | undefined {
  return spread(
    ours.map((value, round) => {
      const other = theirs[round]
      return value === undefined || other === undefined || other === 0 ? undefined : value / other
    })
  )
}
