/** Longer heads are parsed each time. */
const MAX_BYTES = 1024
/** Different heads that are remembered. */
const PLACES = 4
/** After this many unknown heads in a row, lookups become rare: most backends have ids in their heads. */
const PATIENCE = 16
const NOW_AND_THEN = 63
const CR = 13
const LF = 10

/**
 * Remembers the last few heads that came twice, with the result of parsing them: a backend repeats the same head until
 * its Date changes. Finding a head takes a third of the time of parsing it; where heads do not repeat, hardly any
 * lookup is done.
 */
export class KnownHeads<Head> {
  readonly #bytes = Array.from({ length: PLACES }, () => new Uint8Array(MAX_BYTES))
  readonly #sizes = new Int32Array(PLACES)
  readonly #heads: (Head | undefined)[] = new Array<Head | undefined>(PLACES).fill(undefined)
  #next = 0
  /** The place of the head that was found last. */
  #last = 0
  /** Unknown heads since the last known one. */
  #misses = 0
  /** Size of the head that was parsed last. */
  #read = 0

  /** The size of a known head at `start`, or 0; then it is `found`. */
  find(buffer: Uint8Array, start: number, end: number): number {
    if (!this.#looks) {
      this.#misses++
      return 0
    }
    for (let i = 0; i < PLACES; i++) {
      const place = (this.#last + i) & (PLACES - 1)
      const size = this.#sizes[place]!
      if (size === 0 || size > end - start || !this.#isAt(place, size, buffer, start)) continue
      this.#last = place
      this.#misses = 0
      return size
    }
    this.#misses++
    return 0
  }

  get #looks(): boolean {
    return this.#misses < PATIENCE || (this.#misses & NOW_AND_THEN) < PLACES
  }

  get found(): Head {
    return this.#heads[this.#last]!
  }

  /** A head of `size` was parsed: returns whether to keep it, which is when the head before had the same size. */
  isWorth(size: number): boolean {
    const again = size === this.#read
    this.#read = size
    return again && size <= MAX_BYTES && this.#looks
  }

  /** Keeps `head`, which was parsed from these bytes. */
  keep(buffer: Uint8Array, start: number, end: number, head: Head): void {
    const place = this.#next
    this.#next = (place + 1) & (PLACES - 1)
    const bytes = this.#bytes[place]!
    for (let p = start; p < end; p++) bytes[p - start] = buffer[p]!
    this.#sizes[place] = end - start
    this.#heads[place] = head
  }

  #isAt(place: number, size: number, buffer: Uint8Array, start: number): boolean {
    // Most other heads have another length, and no line end here.
    const last = start + size - 1
    if (buffer[last] !== LF || buffer[last - 1] !== CR) return false
    const bytes = this.#bytes[place]!
    for (let i = 0; i < size; i++) if (buffer[start + i] !== bytes[i]) return false
    return true
  }
}
