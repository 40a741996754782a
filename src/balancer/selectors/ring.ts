import { hashString, mix32 } from '../hash-string.ts'
import type { View } from '../view.ts'
import { radixSort } from './radix-sort.ts'

/** Points of a backend of mean weight in pools up to 128: shares within ±3 % of each other. */
const MOST_POINTS = 1024
const FEWEST_POINTS = 16
/** Points of larger pools, shared out; then a change of membership also moves 1/n of the keys of the others. */
const TOTAL_POINTS = 131_072

/**
 * Points on a circle of 32-bit hashes, sorted. `arcs` holds pairs: a point, and the position of the backend that owns
 * the arc up to it.
 */
export interface Ring {
  readonly size: number
  readonly arcs: Uint32Array
  /** Where to start looking, by the hash's upper bits: one entry for about four points. */
  readonly starts: Uint32Array
  readonly shift: number
}

/**
 * Points come from the backends' names alone, so the same names give the same ring in every thread, after a restart,
 * and in another balancer.
 */
export function buildRing({ backends }: View): Ring {
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
  return index(points, owners)
}

function index(points: Uint32Array, owners: Uint16Array): Ring {
  const size = points.length
  const arcs = new Uint32Array(2 * size)
  for (let i = 0; i < size; i++) {
    arcs[2 * i] = points[i]!
    arcs[2 * i + 1] = owners[i]!
  }
  const bits = Math.max(1, Math.ceil(Math.log2(size)) - 2)
  const starts = new Uint32Array(2 ** bits)
  for (let i = 0, start = 0; start < starts.length; start++) {
    while (i < size && points[i]! >>> (32 - bits) < start) i++
    starts[start] = i
  }
  return { size, arcs, starts, shift: 32 - bits }
}

/** Index of the first point at or after `hash`, round the circle. A binary search of 480,000 points took 150 ns more. */
export function findPoint({ size, arcs, starts, shift }: Ring, hash: number): number {
  let point = starts[hash >>> shift]!
  while (point < size && arcs[2 * point]! < hash) point++
  return point === size ? 0 : point
}
