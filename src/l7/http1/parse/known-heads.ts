/** Longer heads are read anew each time. */
const MAX_BYTES = 1024
/** Kinds of responses that may come by turns. */
const PLACES = 4
/** So many heads in a row that are not known, and the next are looked for only now and then: most backends have ids in them. */
const PATIENCE = 16
const NOW_AND_THEN = 63
const CR = 13
const LF = 10

/**
 * What was read from the last few heads that came twice, by their bytes: a backend says the same of the same thing until its
 * Date changes. To find one takes a third of what reading it does; where nothing comes twice, next to nothing is looked for.
 */
export class KnownHeads<Head> {
  readonly #bytes = Array.from({ length: PLACES }, () => new Uint8Array(MAX_BYTES))
  readonly #sizes = new Int32Array(PLACES)
  readonly #heads: (Head | undefined)[] = new Array<Head | undefined>(PLACES).fill(undefined)
  #next = 0
  /** Where the one stands that was found last. */
  #last = 0
  /** Heads since one was known. */
  #misses = 0
  /** Size of the head that was read last. */
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

  /** A head of `size` was read: whether it is worth keeping, as it has the size of the one before. */
  isWorth(size: number): boolean {
    const again = size === this.#read
    this.#read = size
    return again && size <= MAX_BYTES && this.#looks
  }

  /** `head` was read from these bytes. */
  keep(buffer: Uint8Array, start: number, end: number, head: Head): void {
    const place = this.#next
    this.#next = (place + 1) & (PLACES - 1)
    const bytes = this.#bytes[place]!
    for (let p = start; p < end; p++) bytes[p - start] = buffer[p]!
    this.#sizes[place] = end - start
    this.#heads[place] = head
  }

  #isAt(place: number, size: number, buffer: Uint8Array, start: number): boolean {
    // Most others have another length, and no end of a line here.
    const last = start + size - 1
    if (buffer[last] !== LF || buffer[last - 1] !== CR) return false
    const bytes = this.#bytes[place]!
    for (let i = 0; i < size; i++) if (buffer[start + i] !== bytes[i]) return false
    return true
  }
}
