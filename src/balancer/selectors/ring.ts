import { hashString, mix32 } from '../hash-string.ts'
import type { View } from '../view.ts'

/** Points of a backend of mean weight, for pools up to 256: more make shares more even (±2 % each). */
const MOST_POINTS = 2048
const FEWEST_POINTS = 16
/** Points of larger pools, shared out; then a change of membership also moves 1/n of the keys of the others. */
const TOTAL_POINTS = 524_288

/** Points on a circle of 32-bit hashes, sorted; `owners[i]` is the position that owns the arc up to `points[i]`. */
export interface Ring {
  readonly points: Uint32Array
  readonly owners: Uint16Array
  /** Where to start looking, by the hash's upper bits: as many entries as points, so one or two steps are left. */
  readonly starts: Uint32Array
  readonly shift: number
}

/**
 * Points come from the backends' names alone, so the same names give the same ring in every thread, after a restart,
 * and in another balancer.
 */
export function buildRing(view: View): Ring {
  const { backends } = view
  const mean = backends.reduce((sum, backend) => sum + backend.weight, 0) / Math.max(1, backends.length)
  const each = Math.min(MOST_POINTS, Math.max(FEWEST_POINTS, Math.floor(TOTAL_POINTS / backends.length)))
  const counts = backends.map((backend) => Math.max(1, Math.round((each * backend.weight) / mean)))
  // Hash and owner in one float: 48 of its 53 bits, and the engine's sort of floats is native.
  const packed = new Float64Array(counts.reduce((sum, count) => sum + count, 0))
  let at = 0
  for (const [position, count] of counts.entries()) {
    const seed = hashString(backends[position]!.name)
    for (let i = 0; i < count; i++) packed[at++] = mix32(seed ^ mix32(i + 1)) * 65_536 + position
  }
  packed.sort()
  const points = new Uint32Array(packed.length)
  const owners = new Uint16Array(packed.length)
  for (let i = 0; i < packed.length; i++) {
    points[i] = Math.floor(packed[i]! / 65_536)
    owners[i] = packed[i]! % 65_536
  }
  const bits = Math.min(24, Math.max(1, Math.ceil(Math.log2(packed.length))))
  const starts = new Uint32Array(2 ** bits)
  for (let i = 0, start = 0; start < starts.length; start++) {
    while (i < points.length && points[i]! >>> (32 - bits) < start) i++
    starts[start] = i
  }
  return { points, owners, starts, shift: 32 - bits }
}

/** Index of the first point at or after `hash`, round the circle. A binary search of 480,000 points took 150 ns more. */
export function findPoint({ points, starts, shift }: Ring, hash: number): number {
  let index = starts[hash >>> shift]!
  while (index < points.length && points[index]! < hash) index++
  return index === points.length ? 0 : index
}
