import type { StoreViews } from './layout.ts'
import { entryStride, pinsPerWorker, word } from './layout.ts'

/**
 * Records which worker holds which pin: every pin that outlives a call has a slot in its worker's part of a shared
 * table, so that the pins of a dead worker can be released.
 */
export class PinTable {
  readonly #pins: Int32Array
  readonly #base: number
  /** Free slots of this worker; only this thread uses it. */
  readonly #free: number[] = []
  #used = 0

  constructor(views: StoreViews, workerIndex: number) {
    this.#pins = views.pins
    this.#base = workerIndex * pinsPerWorker
  }

  /** Records a pin that was just added; undefined when the table is full. */
  note(entry: number): number | undefined {
    const slot = this.#free.pop() ?? (this.#used < pinsPerWorker ? this.#used++ : undefined)
    if (slot !== undefined) Atomics.store(this.#pins, this.#base + slot, entry + 1)
    return slot
  }

  forget(slot: number): void {
    Atomics.store(this.#pins, this.#base + slot, 0)
    this.#free.push(slot)
  }

  get held(): number {
    return this.#used - this.#free.length
  }
}

/** Main thread only: releases the pins of a dead worker; returns the entries they were on. */
export function takePinsOf(views: StoreViews, worker: number): number[] {
  const entries: number[] = []
  for (let slot = worker * pinsPerWorker; slot < (worker + 1) * pinsPerWorker; slot++) {
    const entry = Atomics.exchange(views.pins, slot, 0) - 1
    if (entry < 0) continue
    Atomics.sub(views.entries, entry * entryStride + word.pins, 1)
    entries.push(entry)
  }
  return entries
}
