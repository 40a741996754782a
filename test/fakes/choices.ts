import { seededRandom } from '../../src/core/random.ts'

/** Chooses for generators of tests: the same seed chooses the same. */
export class Choices {
  protected readonly random: () => number

  constructor(seed: number) {
    this.random = seededRandom(seed)
  }

  one<T>(values: readonly T[]): T {
    return values[Math.floor(this.random() * values.length)]!
  }

  maybe<T>(value: T, share = 0.4): T | undefined {
    return this.random() < share ? value : undefined
  }
}

/** Without the members that are undefined. */
export function given<Made extends object = object>(members: Readonly<Record<string, unknown>>): Made {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as Made
}
