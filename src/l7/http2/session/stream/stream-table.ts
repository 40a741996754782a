import type { Stream } from './stream.ts'

const LEAST = 4

/**
 * The open streams of a connection by their ids, which rise by two: the id is the hash, and a table twice as long as it has
 * streams hardly ever looks at a second place. It is no Map for the reason that Roster is no Set
 * (docs/discoveries/maps-that-churn.md), and finds, adds and deletes in half the time.
 */
export class StreamTable {
  /** A power of two of places; the next one where an id's own is taken. */
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

  /** No stream of its id is there. */
  add(stream: Stream): void {
    if (2 * ++this.#size > this.#mask) this.#widen()
    this.#places[this.#placeOf(stream.id)] = stream
  }

  /** False: it was not there. */
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

  /** In no order. */
  toArray(): Stream[] {
    return this.#places.filter((stream) => stream !== undefined)
  }

  /** Where it stands, or would. */
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
    // What is left may be old, and holds nobody.
    before.fill(undefined)
  }
}
