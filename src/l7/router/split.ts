import type { Random } from '../../core/random.ts'

/** Chooses one of several pools by weight, for canaries. Each exchange chooses anew. */
export class Split<T> {
  readonly #values: readonly T[]
  /** Running sums of the weights. */
  readonly #bounds: readonly number[]

  /** Weights are not negative and not all zero; a weight of zero is never chosen. */
  constructor(targets: readonly { readonly value: T; readonly weight: number }[]) {
    let sum = 0
    const chosen = targets.filter((target) => target.weight > 0)
    if (chosen.length === 0) throw new RangeError('a split needs a weight above zero')
    this.#values = chosen.map((target) => target.value)
    this.#bounds = chosen.map((target) => (sum += target.weight))
  }

  pick(random: Random): T {
    const bounds = this.#bounds
    const point = random() * bounds[bounds.length - 1]!
    for (let i = 0; i < bounds.length - 1; i++) {
      if (point < bounds[i]!) return this.#values[i]!
    }
    return this.#values[bounds.length - 1]!
  }
}
