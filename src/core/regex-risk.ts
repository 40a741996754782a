import { parseRegex } from './regex/parse-regex.ts'
import { type Positions, positionsOf } from './regex/positions.ts'

/**
 * Tells why an expression may take minutes, or undefined. A path is at most urlBytes long, but `(a+)+$` needs only 30
 * letters, and the data plane has one thread. Expressions come from the operator, so this is a warning and not a
 * defence.
 */
export function regexRisk(source: string): string | undefined {
  // Nothing is repeated without a bound, or it is no expression at all.
  if (!/[*+{]/.test(source) || !isRegex(source)) return undefined
  const positions = positionsOf(parseRegex(source))
  if (positions === undefined) return undefined
  if (isExponential(positions))
    return 'it repeats what can match one text in several ways, and can take exponential time'
  const degree = chainLength(positions)
  return degree > MAX_DEGREE
    ? `it repeats the same characters ${degree} times in a row or more, and can take the length of the path to the power of ${degree}`
    : undefined
}

function isRegex(source: string): boolean {
  try {
    return new RegExp(source) instanceof RegExp
  } catch {
    return false
  }
}

/** Two of them are slow on 8 KiB (tens of milliseconds), three take minutes. */
const MAX_DEGREE = 2

/**
 * Whether one text leads from a position back to itself in two ways (Weber and Seidl 1991: then the number of ways
 * doubles with each round): over a step that can be made in two ways, or along two ways side by side.
 */
function isExponential({ sets, next, doubled }: Positions): boolean {
  const size = sets.length
  const reach = next.map((_, from) => reachable(next, from))
  for (const step of doubled) if (reach[step % size]!.has(Math.floor(step / size))) return true
  for (let start = 0; start < size; start++) {
    // Positions on a circle with this one.
    const circle = new Set([...reach[start]!].filter((position) => reach[position]!.has(start)))
    if (circle.has(start) && circle.size > 1 && forksAndMeets({ sets, next }, circle, start)) return true
  }
  return false
}

/** Whether two ways that begin together at `start`, and then part, are together there again after the same text. */
function forksAndMeets(
  { sets, next }: Pick<Positions, 'sets' | 'next'>,
  circle: ReadonlySet<number>,
  start: number
): boolean {
  const size = sets.length
  const home = start * size + start
  /** Pairs reached while together, and once the ways have parted. */
  const seen = [new Set([home]), new Set<number>()]
  const queue: { readonly pair: number; readonly parted: 0 | 1 }[] = [{ pair: home, parted: 0 }]
  for (let at = 0; at < queue.length && at < MAX_PAIRS; at++) {
    const { pair, parted } = queue[at]!
    for (const x of next[Math.floor(pair / size)]!) {
      if (!circle.has(x)) continue
      for (const y of next[pair % size]!) {
        if (!circle.has(y) || (sets[x]! & sets[y]!) === 0n) continue
        const to = x * size + y
        const apart = parted === 1 || x !== y ? 1 : 0
        if (to === home && apart === 1) return true
        if (seen[apart]!.has(to)) continue
        seen[apart]!.add(to)
        queue.push({ pair: to, parted: apart })
      }
    }
  }
  return false
}

/** Pairs looked at per position; who needs more is not told. */
const MAX_PAIRS = 4_000

function reachable(next: Positions['next'], from: number): ReadonlySet<number> {
  const seen = new Set<number>()
  const queue = [from]
  for (let at = 0; at < queue.length; at++) {
    for (const to of next[queue[at]!]!) {
      if (seen.has(to)) continue
      seen.add(to)
      queue.push(to)
    }
  }
  return seen
}

/** How many repeated positions follow upon each other over characters that all of them take; counted up to the bound. */
function chainLength({ sets, next }: Positions): number {
  const loops = sets.map((_, position) => next[position]!.has(position))
  let longest = 0
  for (const [start, set] of sets.entries()) {
    if (loops[start]) longest = Math.max(longest, chainFrom(start, set, [start]))
    if (longest > MAX_DEGREE) break
  }
  return longest

  function chainFrom(from: number, common: bigint, chain: readonly number[]): number {
    if (chain.length > MAX_DEGREE) return chain.length
    let most = chain.length
    const seen = new Set(chain)
    const queue = [from]
    for (let at = 0; at < queue.length; at++) {
      for (const to of next[queue[at]!]!) {
        const shared = common & sets[to]!
        if (seen.has(to) || shared === 0n) continue
        seen.add(to)
        if (loops[to]) most = Math.max(most, chainFrom(to, shared, [...chain, to]))
        else queue.push(to)
        if (most > MAX_DEGREE) return most
      }
    }
    return most
  }
}
