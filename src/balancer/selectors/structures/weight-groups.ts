import type { Random } from '../../../core/random.ts'
import type { PickContext } from '../../pool/pick-context.ts'
import type { View } from '../../pool/view.ts'

/** More distinct weights than this and a heap is cheaper: a pick looks at every group. */
const MOST_GROUPS = 32

/**
 * Smooth weighted round robin over many backends of few distinct weights: the groups of equal weight take turns by
 * nginx's rule, each weighing as much as its members together, and in a group it goes round. This thread's own; the
 * first turn of each group is drawn, so that threads do not move in step.
 */
export class WeightGroups {
  readonly #members: Int32Array[]
  readonly #turns: Float64Array
  readonly #weights: Float64Array
  readonly #credit: Float64Array
  readonly #total: number

  private constructor(byWeight: Map<number, number[]>, random: Random) {
    this.#members = Array.from(byWeight.values(), (members) => Int32Array.from(members))
    this.#weights = Float64Array.from(byWeight, ([weight, members]) => weight * members.length)
    this.#turns = Float64Array.from(this.#members, (members) => Math.floor(random() * members.length))
    this.#credit = new Float64Array(this.#members.length)
    this.#total = this.#weights.reduce((sum, weight) => sum + weight, 0)
  }

  /** Undefined when there are too many distinct weights. */
  static of(view: View, random: Random): WeightGroups | undefined {
    const byWeight = new Map<number, number[]>()
    for (let i = 0; i < view.count; i++) {
      const position = view.usable[i]!
      const weight = view.weight(position)
      const members = byWeight.get(weight)
      if (members !== undefined) members.push(position)
      else if (byWeight.size === MOST_GROUPS) return undefined
      else byWeight.set(weight, [position])
    }
    return new WeightGroups(byWeight, random)
  }

  pick(view: View, context: PickContext): number {
    // A group whose members are all full or tried hands its turn on.
    for (let turn = 0; turn < this.#members.length; turn++) {
      const position = this.#inGroup(this.#nextGroup(), view, context)
      if (position >= 0) return position
    }
    for (let group = 0; group < this.#members.length; group++) {
      const position = this.#inGroup(group, view, context)
      if (position >= 0) return position
    }
    return -1
  }

  #nextGroup(): number {
    const credit = this.#credit
    let best = 0
    for (let group = 0; group < credit.length; group++) {
      credit[group]! += this.#weights[group]!
      if (credit[group]! > credit[best]!) best = group
    }
    credit[best]! -= this.#total
    return best
  }

  #inGroup(group: number, view: View, context: PickContext): number {
    const members = this.#members[group]!
    for (let step = 0; step < members.length; step++) {
      const turn = this.#turns[group]!
      this.#turns[group] = turn + 1 === members.length ? 0 : turn + 1
      const position = members[turn]!
      if (view.admits(position, context)) return position
    }
    return -1
  }
}
