import type { Random } from '../../core/random.ts'
import type { PickContext } from '../pool/pick-context.ts'
import type { View } from '../pool/view.ts'
import { finish, hashOf, kept, MOST_STEPS, rehash, tooEarly, weightSignature } from './keyed.ts'
import { buildMaglev } from './structures/maglev-table.ts'
import type { Selector, SelectorDeps } from './selector.ts'

/**
 * Consistent hashing by one look into a table. As with the ring, the table is of all backends: while one is down its
 * keys go to whoever has the next places, which are scattered over all others, and return when it does.
 */
export class Maglev implements Selector {
  readonly #random: Random
  #table: Uint16Array | undefined
  #revision = -1
  #signature = 0

  constructor(deps: SelectorDeps) {
    this.#random = deps.random
  }

  pick(view: View, context: PickContext): number {
    if (view.count === 0) return -1
    if (view.revision !== this.#revision) this.#rebuild(view)
    const table = this.#table!
    const hash = hashOf(context, this.#random)
    // By multiplication: the remainder of an unsigned 32-bit number is a float division, 18 ns.
    let place = Math.floor((hash * table.length) / 4294967296)
    for (let step = 0; step < MOST_STEPS; step++) {
      const position = table[place]!
      if (++place === table.length) place = 0
      if (view.admits(position, context) && !tooEarly(view, position, hash)) return position
    }
    return rehash(view, hash, context)
  }

  /** Whatever it makes is found by the first pick. */
  *prepare(view: View): Generator<void> {
    yield* kept(view, 'maglev', buildMaglev)
  }

  #rebuild(view: View): void {
    this.#revision = view.revision
    const signature = weightSignature(view)
    if (this.#table !== undefined && signature === this.#signature) return
    this.#signature = signature
    this.#table = finish(kept(view, 'maglev', buildMaglev))
  }
}
