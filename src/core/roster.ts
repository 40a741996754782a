/**
 * How a roster finds where one of its items stands: in a field of the item that belongs to this kind of roster. Each kind has
 * functions of its own: those of all would see objects of many shapes, which V8 does not inline.
 */
export interface Seats<Item> {
  get(item: Item): number | undefined
  set(item: Item, at: number): void
}

const NOWHERE = -1
/** With fewer empty seats than this the others are not moved up. */
const MOST_EMPTY = 64

/**
 * A set of objects that come and go, in the order in which they came. A Set would do but for its tables: each one that fills
 * up refers to the next, so one in the old generation keeps all that came later from being collected young
 * (docs/discoveries/maps-that-churn.md). Here a seat is emptied when its item leaves, and nothing refers to it any more.
 */
export class Roster<Item extends object> {
  readonly #seats: Seats<Item>
  readonly #items: (Item | undefined)[] = []
  #size = 0
  /** Walks under way; no item is moved meanwhile. */
  #walks = 0

  constructor(seats: Seats<Item>) {
    this.#seats = seats
  }

  get size(): number {
    return this.#size
  }

  /** Seats, taken and empty. */
  get length(): number {
    return this.#items.length
  }

  /** The one that came first. */
  get first(): Item | undefined {
    return this.#items.find((item) => item !== undefined)
  }

  has(item: Item): boolean {
    const at = this.#seats.get(item) ?? NOWHERE
    // An array is asked for no place below 0: V8 would look up a property of that name.
    return at >= 0 && this.#items[at] === item
  }

  add(item: Item): void {
    if (this.has(item)) return
    if (this.#items.length > 2 * this.#size + MOST_EMPTY && this.#walks === 0) this.#closeUp()
    this.#seats.set(item, this.#items.length)
    this.#items.push(item)
    this.#size++
  }

  /** False: it was not there. */
  delete(item: Item): boolean {
    const at = this.#seats.get(item) ?? NOWHERE
    if (at < 0 || this.#items[at] !== item) return false
    this.#items[at] = undefined
    this.#seats.set(item, NOWHERE)
    this.#size--
    return true
  }

  /** In order. An item that leaves meanwhile is not visited, one that comes is. False from `visit` ends the walk. */
  forEach(visit: (item: Item) => unknown): void {
    this.#walks++
    try {
      for (let at = 0; at < this.#items.length; at++) {
        const item = this.#items[at]
        if (item !== undefined && visit(item) === false) return
      }
    } finally {
      this.#walks--
    }
  }

  toArray(): Item[] {
    return this.#items.filter((item) => item !== undefined)
  }

  #closeUp(): void {
    const items = this.#items
    let taken = 0
    for (let at = 0; at < items.length; at++) {
      const item = items[at]
      if (item === undefined) continue
      this.#seats.set(item, taken)
      items[taken++] = item
    }
    items.length = taken
  }
}
