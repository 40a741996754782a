import type { Stream } from './stream.ts'

const LEAST = 4

/**
 * The open streams of a connection by their ids, which rise by two: the id is the hash, and in a table of twice the
 * number of streams a second place is hardly ever looked at. A Map would be worse for the same reason as a Set in
 * Roster (docs/discoveries/maps-that-churn.md); this finds, adds and deletes in half the time.
 */
export class StreamTable {
  /** A power of two of places; an id whose own place is taken gets the next free one. */
  #places: (Stream | undefined)[] = new Array<Stream | undefined>(LEAST).fill(undefined)
  #mask = LEAST - 1
  #size = 0

  get size(): number {
    return this.#size
  }

  get(id: number): Stream | undefined {
    return this.#places[this.#placeOf(id)]
  }

  has(id: number): boolean {
    return this.get(id) !== undefined
  }

  /** No stream with its id is in the table. */
  add(stream: Stream): void {
    if (2 * ++this.#size > this.#mask) this.#widen()
    this.#places[this.#placeOf(stream.id)] = stream
  }

  /** False when it was not there. */
  delete(id: number): boolean {
    const places = this.#places
    let empty = this.#placeOf(id)
    if (places[empty] === undefined) return false
    this.#size--
    // Those behind it that are not at their own place move up, so that a search still ends at the first empty one.
    for (let at = (empty + 1) & this.#mask; ; at = (at + 1) & this.#mask) {
      const next = places[at]
      if (next === undefined) break
      const own = (next.id >>> 1) & this.#mask
      if (((at - own) & this.#mask) < ((at - empty) & this.#mask)) continue
      places[empty] = next
      empty = at
    }
    places[empty] = undefined
    return true
  }

  /** In no particular order. */
  toArray(): Stream[] {
    return this.#places.filter((stream) => stream !== undefined)
  }

  /** Where the id is, or would be. */
  #placeOf(id: number): number {
    const places = this.#places
    const mask = this.#mask
    let at = (id >>> 1) & mask
    for (let stream = places[at]; stream !== undefined && stream.id !== id; stream = places[at]) {
      at = (at + 1) & mask
    }
    return at
  }

  #widen(): void {
    const before = this.#places
    const length = before.length * 2
    this.#places = new Array<Stream | undefined>(length).fill(undefined)
    this.#mask = length - 1
    for (const stream of before) if (stream !== undefined) this.#places[this.#placeOf(stream.id)] = stream
    // The old array may survive for a while, and must not keep streams alive.
    before.fill(undefined)
  }
}
