import { hashText } from './key-hash.ts'
import { invalidationWords, type SharedStoreMemory } from './layout.ts'

/** Counts invalidations of URLs, by hash, in memory that all threads share. The counts only increase. */
export class Invalidations {
  readonly #counts: Int32Array
  readonly #seed: number

  constructor({ invalidations, seed }: SharedStoreMemory) {
    this.#counts = new Int32Array(invalidations)
    this.#seed = seed
  }

  of(url: string): number {
    return Atomics.load(this.#counts, this.#place(url))
  }

  add(url: string): void {
    Atomics.add(this.#counts, this.#place(url), 1)
  }

  #place(url: string): number {
    return hashText(url, this.#seed) & (invalidationWords - 1)
  }
}
