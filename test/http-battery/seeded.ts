import { seededRandom, type Random } from '../../src/core/random.ts'

/** Choices of a generator, repeatable by its seed. */
export class Seeded {
  readonly #random: Random

  constructor(seed: number) {
    this.#random = seededRandom(seed)
  }

  /** 0 to n - 1. */
  below(n: number): number {
    return Math.floor(this.#random() * n)
  }

  chance(share: number): boolean {
    return this.#random() < share
  }

  of<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!
  }

  /** From `usual` mostly, from `odd` with the given chance. */
  mostly<T>(usual: readonly T[], odd: readonly T[], share: number): T {
    return this.chance(share) ? this.of(odd) : this.of(usual)
  }
}
