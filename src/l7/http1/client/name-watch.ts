import type { Lookup } from '../../../net/dial/lookup.ts'

/** How often the lookup is asked at most; it remembers answers for some seconds itself. */
const ASK_MS = 1_000

/** The addresses that a backend's name has now. It is asked again while connections of the backend are used. */
export class NameWatch {
  readonly #name: string
  readonly #lookup: Lookup
  readonly #changed: () => void
  #addresses: ReadonlySet<string> | undefined
  #askedAt = -Infinity

  /** `changed`: there is another answer. */
  constructor(name: string, lookup: Lookup, changed: () => void) {
    this.#name = name
    this.#lookup = lookup
    this.#changed = changed
  }

  /** A connection of the backend is used, at `now`. */
  used(now: number): void {
    if (now - this.#askedAt < ASK_MS) return
    this.#askedAt = now
    this.#lookup(this.#name, { all: true }, (error, addresses) => {
      // While the resolver fails, what it said last is as true as anything.
      if (error !== null || typeof addresses === 'string' || addresses.length === 0) return
      this.#addresses = new Set(addresses.map(({ address }) => address))
      this.#changed()
    })
  }

  /** `address` is among the last answer, or nothing is known. */
  has(address: string | undefined): boolean {
    return address === undefined || this.#addresses === undefined || this.#addresses.has(address)
  }
}
