import type { StoreViews } from './layout.ts'
import { control, maxOrder } from './layout.ts'

const freeMark = 0x80
const usedMark = 0x40
const orderMask = 0x0f

/**
 * Memory in extents of 2^order units, by the buddy system: a freed extent merges with its neighbour, so no
 * defragmentation is needed, and any number of units can be had in several extents. Every method needs the lock.
 * links[2u] is the next extent (of the free list, or of the entry that holds it), links[2u+1] the previous free one.
 */
export class BuddyArena {
  readonly #views: StoreViews
  readonly #links: Int32Array
  readonly #orders: Uint8Array
  readonly #control: Int32Array

  constructor(views: StoreViews) {
    this.#views = views
    this.#links = views.links
    this.#orders = views.orders
    this.#control = views.control
  }

  /** Marks everything free; for new memory and for a rebuild. */
  reset(): void {
    this.#orders.fill(0)
    for (let order = 0; order <= maxOrder; order++) this.#control[control.freeLists + order] = -1
    this.#control[control.freeUnits] = 0
    const { units } = this.#views.memory
    for (let unit = units - (1 << maxOrder); unit >= 0; unit -= 1 << maxOrder) this.#put(unit, maxOrder)
  }

  get freeUnits(): number {
    return this.#control[control.freeUnits]!
  }

  /** Takes the largest extent of at most `wanted` units; -1 when nothing is free. */
  take(wanted: number): number {
    const fitting = Math.min(maxOrder, 31 - Math.clz32(wanted))
    for (let order = fitting; order <= maxOrder; order++) {
      const unit = this.#control[control.freeLists + order]!
      if (unit < 0) continue
      this.#unlink(unit, order)
      // The upper halves of a larger extent are put back.
      for (let half = order - 1; half >= fitting; half--) this.#put(unit + (1 << half), half)
      return this.#use(unit, fitting)
    }
    for (let order = fitting - 1; order >= 0; order--) {
      const unit = this.#control[control.freeLists + order]!
      if (unit < 0) continue
      this.#unlink(unit, order)
      return this.#use(unit, order)
    }
    return -1
  }

  /** Units of an extent in use. */
  sizeOf(unit: number): number {
    return 1 << (this.#orders[unit]! & orderMask)
  }

  next(unit: number): number {
    return this.#links[unit * 2]!
  }

  setNext(unit: number, next: number): void {
    this.#links[unit * 2] = next
  }

  /** Frees a whole chain of extents. */
  giveBack(first: number): void {
    let unit = first
    while (unit >= 0) {
      const next = this.#links[unit * 2]!
      this.#free(unit)
      unit = next
    }
  }

  /** Extents of a chain, with a bound on how long one can be. */
  extentsOf(first: number): number[] {
    const extents: number[] = []
    const { units } = this.#views.memory
    for (
      let unit = first;
      unit >= 0 && unit < units && extents.length < units;
      unit = this.#links[unit * 2]!
    ) {
      if ((this.#orders[unit]! & usedMark) === 0) break
      extents.push(unit)
    }
    return extents
  }

  /** Marks everything free except these extents, whose chains stay: after a worker died within an operation. */
  rebuild(kept: readonly number[]): void {
    const { units } = this.#views.memory
    const orders = new Map(kept.map((unit) => [unit, this.#orders[unit]!]))
    const taken = new Uint8Array(units)
    for (const [unit, mark] of orders) taken.fill(1, unit, unit + (1 << (mark & orderMask)))
    this.#orders.fill(0)
    for (const [unit, mark] of orders) this.#orders[unit] = mark
    for (let order = 0; order <= maxOrder; order++) this.#control[control.freeLists + order] = -1
    this.#control[control.freeUnits] = 0
    for (let unit = 0; unit < units;) {
      if (taken[unit] === 1) {
        unit++
        continue
      }
      // The largest aligned extent that is free from here, as merging would have made it.
      let order = 0
      while (
        order < maxOrder &&
        unit % (2 << order) === 0 &&
        !taken.subarray(unit, unit + (2 << order)).includes(1)
      )
        order++
      this.#put(unit, order)
      unit += 1 << order
    }
  }

  #use(unit: number, order: number): number {
    this.#orders[unit] = usedMark | order
    this.#links[unit * 2] = -1
    return unit
  }

  #free(start: number): void {
    let unit = start
    let order = this.#orders[unit]! & orderMask
    this.#orders[unit] = 0
    while (order < maxOrder) {
      const buddy = unit ^ (1 << order)
      if (this.#orders[buddy] !== (freeMark | order)) break
      this.#unlink(buddy, order)
      this.#orders[buddy] = 0
      unit = Math.min(unit, buddy)
      order++
    }
    this.#put(unit, order)
  }

  #put(unit: number, order: number): void {
    const head = control.freeLists + order
    const next = this.#control[head]!
    this.#orders[unit] = freeMark | order
    this.#links[unit * 2] = next
    this.#links[unit * 2 + 1] = -1
    if (next >= 0) this.#links[next * 2 + 1] = unit
    this.#control[head] = unit
    this.#control[control.freeUnits]! += 1 << order
  }

  #unlink(unit: number, order: number): void {
    const next = this.#links[unit * 2]!
    const previous = this.#links[unit * 2 + 1]!
    if (previous >= 0) this.#links[previous * 2] = next
    else this.#control[control.freeLists + order] = next
    if (next >= 0) this.#links[next * 2 + 1] = previous
    this.#control[control.freeUnits]! -= 1 << order
  }
}
