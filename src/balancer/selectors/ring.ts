import { hashString, mix32 } from '../hash-string.ts'
import type { View } from '../view.ts'
import { radixSort } from './radix-sort.ts'

/** Points of a backend of mean weight in pools up to 128: shares within ±3 % of each other. */
const MOST_POINTS = 1024
const FEWEST_POINTS = 16
/** Points of larger pools, shared out; then a change of membership also moves 1/n of the keys of the others. */
const TOTAL_POINTS = 131_072

/**
 * A ring of hashes: each backend has points on it, and an arc belongs to the backend of the point that ends it. Points
 * come from the backends' names alone, so the same names give the same ring in every thread, after a restart, and in
 * another balancer.
 *
 * It is returned as a table over the hash's upper bits, of two to four places per point. Finding the arc is then one
 * look (a binary search of 480,000 points took 150 ns, an index into them two misses), and a backend that goes takes
 * only its own places with it, as on the exact ring.
 */
export function buildRing({ backends }: View): Uint16Array {
  const mean = backends.reduce((sum, backend) => sum + backend.weight, 0) / backends.length
  const each = Math.min(MOST_POINTS, Math.max(FEWEST_POINTS, Math.floor(TOTAL_POINTS / backends.length)))
  const counts = backends.map((backend) => Math.max(1, Math.round((each * backend.weight) / mean)))
  const size = counts.reduce((sum, count) => sum + count, 0)
  const points = new Uint32Array(size)
  const owners = new Uint16Array(size)
  let at = 0
  for (const [position, count] of counts.entries()) {
    const seed = hashString(backends[position]!.name)
    for (let i = 0; i < count; i++, at++) {
      points[at] = mix32(seed ^ mix32(i + 1))
      owners[at] = position
    }
  }
  radixSort(points, owners)

  const bits = Math.ceil(Math.log2(size)) + 1
  const table = new Uint16Array(2 ** bits)
  for (let place = 0, point = 0; place < table.length; place++) {
    while (point < size && points[point]! >>> (32 - bits) < place) point++
    table[place] = owners[point === size ? 0 : point]!
  }
  return table
}
