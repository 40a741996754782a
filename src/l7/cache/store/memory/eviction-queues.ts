import type { StoreViews } from './layout.ts'
import { control, entryStride, word } from './layout.ts'

/** Share of the memory for entries used once: S3-FIFO's small queue. */
const smallShare = 0.1
/** Entries that one search for a victim may pass over. */
const maxSteps = 256

interface Ends {
  readonly head: number
  readonly tail: number
  readonly units: number
}
const small: Ends = { head: control.smallHead, tail: control.smallTail, units: control.smallUnits }
const main: Ends = { head: control.mainHead, tail: control.mainTail, units: control.mainUnits }

/**
 * S3-FIFO (Yang et al., SOSP 2023): new entries go through a small queue, and only those used again reach the main one;
 * keys evicted from the small queue lately are remembered as ghosts and return straight to main. A hit only increments
 * a counter, so it needs no lock. Lists need the lock; sizes are in units, since entries differ.
 */
export class EvictionQueues {
  readonly #entries: Int32Array
  readonly #control: Int32Array
  readonly #ghost: Int32Array
  readonly #units: number

  constructor(views: StoreViews) {
    this.#entries = views.entries
    this.#control = views.control
    this.#ghost = views.ghost
    this.#units = views.memory.units
  }

  reset(): void {
    for (const ends of [small, main]) {
      this.#control[ends.head] = -1
      this.#control[ends.tail] = -1
      this.#control[ends.units] = 0
    }
  }

  insert(entry: number): void {
    const base = entry * entryStride
    this.#entries[base + word.frequency] = 0
    const slot = this.#ghostSlot(base)
    const known = this.#ghost[slot] === this.#entries[base + word.hashHigh]
    if (known) this.#ghost[slot] = 0
    this.#push(entry, known ? 2 : 1)
  }

  remove(entry: number): void {
    const queue = this.#entries[entry * entryStride + word.queue]!
    if (queue !== 0) this.#take(entry, queue)
  }

  /** The entry to evict next, still in its queue; -1 when there is none. */
  victim(): number {
    // Hits keep raising the counters that are lowered here, so the search is bounded; after that the oldest is evicted.
    for (let step = 0; ; step++) {
      const fromSmall = this.#control[control.smallTail]! >= 0
      const overSmall = this.#control[control.smallUnits]! > this.#units * smallShare
      if (fromSmall && (overSmall || this.#control[control.mainTail]! < 0)) {
        const entry = this.#control[control.smallTail]!
        const base = entry * entryStride
        if (this.#entries[base + word.frequency]! > 1 && step < maxSteps) {
          this.#take(entry, 1)
          this.#entries[base + word.frequency] = 0
          this.#push(entry, 2)
          continue
        }
        this.#ghost[this.#ghostSlot(base)] = this.#entries[base + word.hashHigh]!
        return entry
      }
      const entry = this.#control[control.mainTail]!
      if (entry < 0) return -1
      const base = entry * entryStride
      const frequency = this.#entries[base + word.frequency]!
      if (frequency <= 0 || step >= maxSteps) return entry
      this.#take(entry, 2)
      this.#push(entry, 2)
      this.#entries[base + word.frequency] = frequency - 1
    }
  }

  #ghostSlot(base: number): number {
    return this.#entries[base + word.hashLow]! & (this.#ghost.length - 1)
  }

  #push(entry: number, queue: number): void {
    const ends = queue === 1 ? small : main
    const base = entry * entryStride
    const head = this.#control[ends.head]!
    this.#entries[base + word.queue] = queue
    this.#entries[base + word.previous] = -1
    this.#entries[base + word.next] = head
    if (head >= 0) this.#entries[head * entryStride + word.previous] = entry
    else this.#control[ends.tail] = entry
    this.#control[ends.head] = entry
    this.#control[ends.units]! += this.#entries[base + word.units]!
  }

  #take(entry: number, queue: number): void {
    const ends = queue === 1 ? small : main
    const base = entry * entryStride
    const previous = this.#entries[base + word.previous]!
    const next = this.#entries[base + word.next]!
    if (previous >= 0) this.#entries[previous * entryStride + word.next] = next
    else this.#control[ends.head] = next
    if (next >= 0) this.#entries[next * entryStride + word.previous] = previous
    else this.#control[ends.tail] = previous
    this.#entries[base + word.queue] = 0
    this.#control[ends.units]! -= this.#entries[base + word.units]!
  }
}
