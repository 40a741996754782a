/** A cycle longer than this is not laid out: memory and the time to build it would show. */
const LONGEST = 8192
/** Steps of the build, members × cycle: about 1 ms. */
const MOST_STEPS = 500_000

/**
 * One cycle of nginx's smooth weighted round robin: each step every member gains its weight, the highest serves and
 * pays the total. 5,1,1 gives a a b a c a a. Returns indices into `weights`, or undefined when the cycle is too long.
 * Weights are taken to 1/20, the steps of slow start's ramp.
 */
export function smoothSequence(weights: readonly number[]): Uint16Array | undefined {
  const whole = weights.every(Number.isInteger)
  const scaled = weights.map((weight) => (whole ? weight : Math.max(1, Math.round(weight * 20))))
  const divisor = scaled.reduce(greatestCommonDivisor, 0)
  const units = scaled.map((weight) => weight / divisor)
  const length = units.reduce((sum, weight) => sum + weight, 0)
  if (length > LONGEST || length * units.length > MOST_STEPS) return undefined

  const sequence = new Uint16Array(length)
  const credit = units.map(() => 0)
  for (let step = 0; step < length; step++) {
    let best = 0
    for (let member = 0; member < units.length; member++) {
      credit[member]! += units[member]!
      if (credit[member]! > credit[best]!) best = member
    }
    credit[best]! -= length
    sequence[step] = best
  }
  return sequence
}

function greatestCommonDivisor(a: number, b: number): number {
  while (b !== 0) [a, b] = [b, a % b]
  return a
}
