import type { Random } from '../../core/random.ts'
import * as at from '../table/columns.ts'
import type { PickContext } from '../pool/pick-context.ts'
import type { View } from '../pool/view.ts'
import { finish, hashOf, kept, MOST_STEPS, rehash, tooEarly, weightSignature } from './keyed.ts'
import { buildRing } from './structures/ring.ts'
import type { Selector, SelectorDeps } from './selector.ts'

/**
 * Consistent hashing on a ring, with bounded load (Mirrokni, Thorup, Zadimoghaddam 2016): a backend that holds
 * `boundedLoad` times its share of all leases passes its keys on to the next. The ring is of all backends, also those
 * that are down: their keys walk on, everybody else's stay, and nothing is rebuilt.
 */
export class Hash implements Selector {
  readonly #random: Random
  readonly #bound: number | undefined
  #ring: Uint16Array | undefined
  #revision = -1
  #signature = 0
  #usableWeight = 0

  constructor(deps: SelectorDeps) {
    this.#random = deps.random
    this.#bound = deps.config.hash.boundedLoad
  }

  pick(view: View, context: PickContext): number {
    if (view.count === 0) return -1
    if (view.revision !== this.#revision) this.#rebuild(view)
    const ring = this.#ring!
    const hash = hashOf(context, this.#random)
    // The table's size is a power of two: the upper bits of the hash are the place.
    const last = ring.length - 1
    const start = hash >>> Math.clz32(last)
    let overloaded = -1
    let seen = -1
    for (let step = 0; step < MOST_STEPS; step++) {
      const position = ring[(start + step) & last]!
      if (position === seen) continue
      seen = position
      if (!view.admits(position, context) || tooEarly(view, position, hash)) continue
      if (this.#bound === undefined) return position
      // One that holds nothing may always have one: no need to ask for the weights and the sum.
      const active = view.active(position)
      if (active === 0 || active < this.#most(view, position)) return position
      if (overloaded < 0) overloaded = position
    }
    return overloaded >= 0 ? overloaded : rehash(view, hash, context)
  }

  /** Leases that a backend may hold: the bound times its share, rounded up so that all together can hold one more. */
  #most(view: View, position: number): number {
    // A plain read: the sum moves on while we decide, whatever we do.
    const total = view.table.pools[view.pool * at.POOL_INTS + at.POOL_ACTIVE]!
    return Math.ceil((this.#bound! * (total + 1) * view.weight(position)) / this.#usableWeight)
  }

  /** Whatever it makes is found by the first pick. */
  *prepare(view: View): Generator<void> {
    yield* kept(view, 'hash', buildRing)
  }

  #rebuild(view: View): void {
    this.#revision = view.revision
    this.#usableWeight = 0
    for (let i = 0; i < view.count; i++) this.#usableWeight += view.weight(view.at(i))
    const signature = weightSignature(view)
    if (this.#ring !== undefined && signature === this.#signature) return
    this.#signature = signature
    this.#ring = finish(kept(view, 'hash', buildRing))
  }
}
