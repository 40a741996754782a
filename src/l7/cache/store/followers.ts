import { guarded, soon } from '../../../core/containment.ts'
import { entryStride, word } from './memory/layout.ts'

/** Interval of the check that makes up for a lost wake-up. */
const recheckMs = 1_000

interface Group {
  readonly wakes: Set<() => void>
  armed: boolean
  queued: boolean
}

/**
 * Callbacks of this thread that wait for progress of an entry: one Atomics.waitAsync per entry, however many wait. A
 * writer in the same thread calls them directly.
 */
export class Followers {
  readonly #entries: Int32Array
  readonly #groups = new Map<number, Group>()

  constructor(entries: Int32Array) {
    this.#entries = entries
  }

  /**
   * Calls `wake` once, later, when the progress of the entry is no longer `seen`; returns a function that cancels that.
   */
  follow(entry: number, seen: number, wake: () => void): () => void {
    let group = this.#groups.get(entry)
    if (group === undefined) {
      group = { wakes: new Set(), armed: false, queued: false }
      this.#groups.set(entry, group)
    }
    group.wakes.add(wake)
    if (this.#progress(entry) !== seen) this.fire(entry)
    else if (!group.armed) this.#arm(entry, group, seen)
    return () => {
      group.wakes.delete(wake)
      if (group.wakes.size === 0 && this.#groups.get(entry) === group && !group.armed)
        this.#groups.delete(entry)
    }
  }

  /** Wakes those of this thread, after the caller has returned. */
  fire(entry: number): void {
    const group = this.#groups.get(entry)
    if (group === undefined || group.queued || group.wakes.size === 0) return
    group.queued = true
    soon(() => this.#wake(entry, group))
  }

  #wake(entry: number, group: Group): void {
    group.queued = false
    const wakes = [...group.wakes]
    group.wakes.clear()
    if (!group.armed && this.#groups.get(entry) === group) this.#groups.delete(entry)
    for (const wake of wakes) guarded(wake)
  }

  #arm(entry: number, group: Group, seen: number): void {
    const result = Atomics.waitAsync(this.#entries, entry * entryStride + word.progress, seen, recheckMs)
    if (!result.async) {
      this.fire(entry)
      return
    }
    group.armed = true
    void result.value.then((outcome) => {
      group.armed = false
      if (group.wakes.size === 0) {
        if (this.#groups.get(entry) === group) this.#groups.delete(entry)
      } else if (outcome === 'timed-out' && this.#progress(entry) === seen) this.#arm(entry, group, seen)
      else this.fire(entry)
    })
  }

  #progress(entry: number): number {
    return Atomics.load(this.#entries, entry * entryStride + word.progress)
  }
}
