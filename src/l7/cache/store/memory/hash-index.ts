import type { StoreViews } from './layout.ts'
import { entryStride, word } from './layout.ts'

/**
 * Open addressing with linear probing: pairs of (high hash, entry + 1). Written under the lock, read without it: a
 * reader may miss an entry that is being moved, or see a half-written pair. Both end as a miss, since the whole key is
 * compared and a claim looks again under the lock.
 */
export class HashIndex {
  readonly #index: Int32Array
  readonly #entries: Int32Array
  readonly #mask: number

  constructor(views: StoreViews) {
    this.#index = views.index
    this.#entries = views.entries
    this.#mask = views.memory.indexSlots - 1
  }

  /** First slot to look at; then `next` until -1. */
  start(low: number): number {
    return low & this.#mask
  }

  next(slot: number): number {
    return (slot + 1) & this.#mask
  }

  /** Entry at the slot when its high hash is this one, -1 when the slot is empty, -2 when another entry has it. */
  at(slot: number, high: number): number {
    const entry = Atomics.load(this.#index, slot * 2 + 1)
    if (entry === 0) return -1
    return this.#index[slot * 2] === high ? entry - 1 : -2
  }

  insert(entry: number): void {
    const base = entry * entryStride
    let slot = this.#entries[base + word.hashLow]! & this.#mask
    while (this.#index[slot * 2 + 1] !== 0) slot = (slot + 1) & this.#mask
    this.#index[slot * 2] = this.#entries[base + word.hashHigh]!
    Atomics.store(this.#index, slot * 2 + 1, entry + 1)
  }

  /** Removes the entry and moves back the entries that probing had placed behind it. */
  remove(entry: number): void {
    let hole = this.#entries[entry * entryStride + word.hashLow]! & this.#mask
    while (this.#index[hole * 2 + 1] !== entry + 1) {
      if (this.#index[hole * 2 + 1] === 0) return
      hole = (hole + 1) & this.#mask
    }
    for (let slot = (hole + 1) & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const other = this.#index[slot * 2 + 1]!
      if (other === 0) break
      const home = this.#entries[(other - 1) * entryStride + word.hashLow]! & this.#mask
      // It may move only when its home is not between the hole and its slot.
      if (((slot - home) & this.#mask) < ((slot - hole) & this.#mask)) continue
      this.#index[hole * 2] = this.#index[slot * 2]!
      Atomics.store(this.#index, hole * 2 + 1, other)
      hole = slot
    }
    Atomics.store(this.#index, hole * 2 + 1, 0)
  }

  clear(): void {
    this.#index.fill(0)
  }
}
