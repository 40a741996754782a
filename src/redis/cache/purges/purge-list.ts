import { concerns, type NumberedPurge } from './purge.ts'
import { PURGES_KEPT } from './purge-scripts.ts'

/**
 * The purges that one thread knows of, by number. An entry tells the number of the last purge before its response was
 * asked for: what one with a greater number means is not read. Pure.
 */
export class PurgeList {
  #known = -1
  /** What is older may have been purged by one that is forgotten. */
  #floor = 0
  #purges: NumberedPurge[] = []

  /** Number of the last one; -1: nothing was heard yet. */
  get known(): number {
    return this.#known
  }

  /** Lines after the one that was known, and the number of the last. A gap between them was lost on the way. */
  add(last: number, purges: readonly (NumberedPurge | undefined)[]): void {
    if (last < this.#known) this.#purges = []
    let before = this.#known
    for (const each of purges) {
      if (each === undefined || each.number <= before) continue
      if (each.number !== before + 1) this.#forget(each.number - 1)
      this.#purges.push(each)
      before = each.number
    }
    if (before !== last) this.#forget(last)
    this.#known = last
    if (this.#purges.length > PURGES_KEPT) {
      const gone = this.#purges.splice(0, this.#purges.length - PURGES_KEPT)
      this.#floor = Math.max(this.#floor, gone.at(-1)!.number)
    }
  }

  /** Whether an entry of that time stands. */
  permits(number: number, key: string, tags: readonly string[]): boolean {
    if (number < this.#floor || number > this.#known) return false
    for (let i = this.#purges.length - 1; i >= 0; i--) {
      const each = this.#purges[i]!
      if (each.number <= number) return true
      if (concerns(each.purge, key, tags)) return false
    }
    return true
  }

  #forget(upTo: number): void {
    this.#purges = []
    this.#floor = upTo
  }
}
