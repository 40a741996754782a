import type { Random } from '../../core/random.ts'
import { hashString, mix32 } from '../../core/hash-string.ts'
import type { PickContext } from '../pool/pick-context.ts'
import type { BackendTable } from '../table/table.ts'
import type { View } from '../pool/view.ts'

/** Places looked at before the table is left: 256 in a row all down or full means that most of the pool is. */
export const MOST_STEPS = 256

/** The key's hash; what has no key (a missing header or cookie) is spread at random, not heaped on one backend. */
export function hashOf(context: PickContext, random: Random): number {
  return context.hash ?? (random() * 4294967296) >>> 0
}

/** In slow start a backend takes a growing part of its keys, always the same ones: a key moves once, not to and fro. */
export function tooEarly(view: View, position: number, hash: number): boolean {
  if (!view.ramping) return false
  const share = view.ramps[position]!
  return share < 1 && mix32(hash ^ 0x5bd1e995) >= share * 4294967296
}

/** Where the walk found none: any place among the usable ones that depends on the key alone. */
export function rehash(view: View, hash: number, context: PickContext): number {
  if (view.count === 0) return -1
  const start = mix32(hash ^ 0x27d4eb2f) % view.count
  for (let step = 0; step < view.count; step++) {
    const position = view.usable[(start + step) % view.count]!
    if (view.admits(position, context)) return position
  }
  return -1
}

interface Made {
  readonly signature: string
  readonly table: Uint16Array
}

const tables = new WeakMap<BackendTable, Map<number, Made>>()

/**
 * What `build` makes of the backends' names and weights, kept per pool from snapshot to snapshot: a reload that leaves
 * the pool as it was does not build its ring or table again. It is made piece by piece, since 30,000 backends take 15
 * to 40 ms: while a snapshot is prepared a worker does other things in between (Pool.prepare).
 */
export function* kept(
  view: View,
  algorithm: string,
  build: (view: View) => Generator<void, Uint16Array>
): Generator<void, Uint16Array> {
  const ofTable = tables.get(view.table) ?? new Map<number, Made>()
  tables.set(view.table, ofTable)
  const signature = `${algorithm} ${signatureOf(view)}`
  const known = ofTable.get(view.pool)
  if (known?.signature === signature) return known.table
  const table = yield* build(view)
  ofTable.set(view.pool, { signature, table })
  return table
}

/** All pieces at once: an operator has changed a weight, or a pool is used that nobody prepared. */
export function finish(pieces: Generator<void, Uint16Array>): Uint16Array {
  for (;;) {
    const { done, value } = pieces.next()
    if (done === true) return value
  }
}

/** Of names, their order and weights, in 64 bits. */
function signatureOf(view: View): string {
  let [one, two] = [view.backends.length, 0]
  for (const { name, weight } of view.backends) {
    one = mix32(one ^ hashString(name))
    two = mix32((Math.imul(two, 31) + one + weight) | 0)
  }
  return `${one} ${two}`
}

/** Sum over weights that an operator may change; cheap enough to look at with each new view. */
export function weightSignature(view: View): number {
  let signature = 0
  for (const backend of view.backends) signature = (Math.imul(signature, 31) + backend.weight) | 0
  return signature
}
