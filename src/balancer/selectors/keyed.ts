import type { Random } from '../../core/random.ts'
import { mix32 } from '../hash-string.ts'
import type { PickContext } from '../pick-context.ts'
import type { View } from '../view.ts'

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

/** Changes when the backends' weights do; membership is fixed for the life of a pool. */
export function weightSignature(view: View): number {
  let signature = 0
  for (const backend of view.backends) signature = (Math.imul(signature, 31) + backend.weight) | 0
  return signature
}
