import type { Lookup } from '../../../net/dial/lookup.ts'

/** The lookup is called at most this often; it caches answers for some seconds itself. */
const ASK_MS = 1_000

/** The current addresses of a backend's name. It is looked up again while connections of the backend are used. */
export class NameWatch {
  readonly #name: string
  readonly #lookup: Lookup
  readonly #changed: () => void
  #addresses: ReadonlySet<string> | undefined
  #askedAt = -Infinity

  /** `changed` is called when the addresses differ from the last ones. */
  constructor(name: string, lookup: Lookup, changed: () => void) {
    this.#name = name
    this.#lookup = lookup
    this.#changed = changed
  }

  /** A connection of the backend was used at `now`. */
  used(now: number): void {
    if (now - this.#askedAt < ASK_MS) return
    this.#askedAt = now
    this.#lookup(this.#name, { all: true }, (error, addresses) => {
      // While the resolver fails, its last answer stays valid.
      if (error !== null || typeof addresses === 'string' || addresses.length === 0) return
      this.#addresses = new Set(addresses.map(({ address }) => address))
      this.#changed()
    })
  }

  /** Whether `address` is in the last answer. True while nothing is known. */
  has(address: string | undefined): boolean {
    return address === undefined || this.#addresses === undefined || this.#addresses.has(address)
  }
}
