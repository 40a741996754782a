import { hashString, mix32 } from '../../../core/hash-string.ts'
import type { View } from '../../pool/view.ts'

/** Points of a backend of mean weight in pools up to 128: shares within ±3 % of each other. */
const MOST_POINTS = 1024
const FEWEST_POINTS = 16
/** Points of larger pools, shared out; then a change of membership also moves 1/n of the keys of the others. */
const TOTAL_POINTS = 131_072
/** From this many points on, one to two places per point are fine enough, and the table (1 MB) near enough. */
const MANY_POINTS = 262_144
/** Backends added in one piece: about 1 ms. */
const PIECE = 4_000

/**
 * A ring of hashes: each backend has points on it, and an arc belongs to the backend of the point that ends it. Points
 * come from the backends' names alone, so the same names give the same ring in every thread, after a restart, and in
 * another balancer.
 *
 * It is returned as a table over the hash's upper bits, of two to four places per point. Finding the arc is then one
 * look (a binary search of 480,000 points took 150 ns, an index into them two misses), and a backend that goes takes
 * only its own places with it, as on the exact ring. Nor need the points be sorted: of those in a place the lowest
 * counts, and a place without any belongs to whoever has the next. Yields between pieces.
 */
export function* buildRing({ backends }: View): Generator<void, Uint16Array> {
  const size = backends.length
  let weights = 0
  for (let position = 0; position < size; position++) weights += backends[position]!.weight
  const each = Math.min(MOST_POINTS, Math.max(FEWEST_POINTS, Math.floor(TOTAL_POINTS / size)))
  const perWeight = (each * size) / weights
  const counts = new Uint32Array(size)
  let points = 0
  for (let position = 0; position < size; position++) {
    counts[position] = Math.max(1, Math.round(perWeight * backends[position]!.weight))
    points += counts[position]!
  }
  const bits = Math.ceil(Math.log2(points)) + (points < MANY_POINTS ? 1 : 0)
  const owners = new Uint16Array(2 ** bits)
  const lowest = new Uint32Array(2 ** bits).fill(NONE)
  for (let position = 0; position < size; position++) {
    addPoints(owners, lowest, position, hashString(backends[position]!.name), counts[position]!)
    if ((position + 1) % PIECE === 0) yield
  }
  handDown(owners, lowest)
  return owners
}

function addPoints(
  owners: Uint16Array,
  lowest: Uint32Array,
  owner: number,
  seed: number,
  count: number
): void {
  const shift = Math.clz32(owners.length - 1)
  for (let i = 1; i <= count; i++) {
    const point = mix32(seed ^ mix32(i))
    const place = point >>> shift
    if (point >= lowest[place]!) continue
    lowest[place] = point
    owners[place] = owner
  }
}

/** Above every point but the last possible one, which is then no point. */
const NONE = 0xffffffff

/** Gives each place without a point the owner of the next that has one; after the last place comes the first. */
function handDown(owners: Uint16Array, lowest: Uint32Array): void {
  let first = 0
  while (lowest[first] === NONE) first++
  let next = owners[first]!
  for (let place = owners.length - 1; place >= 0; place--) {
    if (lowest[place] === NONE) owners[place] = next
    else next = owners[place]!
  }
}
