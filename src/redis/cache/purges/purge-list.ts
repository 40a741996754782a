import { concerns, type NumberedPurge } from './purge.ts'
import { PURGES_KEPT } from './purge-scripts.ts'

/**
 * The purges that one thread knows, by number. An entry contains the number of the last purge before its response was
 * requested: purges with a greater number apply to it. Pure.
 */
export class PurgeList {
  #known = -1
  /** Older entries may have been purged by a forgotten purge. */
  #floor = 0
  #purges: NumberedPurge[] = []

  /** Number of the last one; -1: none is known yet. */
  get known(): number {
    return this.#known
  }

  /** Adds the lines after the last known one, with the number of the last. Lines missing between them were lost. */
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

  /** Since when an entry of that time counts as stale by the server's clock in ms, because of a soft purge; 0: it does not. */
  staleAt(number: number, key: string, tags: readonly string[]): number {
    let since = 0
    for (let i = this.#purges.length - 1; i >= 0; i--) {
      const each = this.#purges[i]!
      if (each.number <= number) break
      if (each.staleAt !== undefined && concerns(each.purge, key, tags)) since = each.staleAt
    }
    return since
  }

  /** Whether an entry of that time is still valid. */
  permits(number: number, key: string, tags: readonly string[]): boolean {
    if (number < this.#floor || number > this.#known) return false
    for (let i = this.#purges.length - 1; i >= 0; i--) {
      const each = this.#purges[i]!
      if (each.number <= number) return true
      if (each.staleAt === undefined && concerns(each.purge, key, tags)) return false
    }
    return true
  }

  #forget(upTo: number): void {
    this.#purges = []
    this.#floor = upTo
  }
}
