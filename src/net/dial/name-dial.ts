import type { LookupAddress } from 'node:dns'
import type { Lookup } from './lookup.ts'
import { PreferredAddresses } from './preferred-addresses.ts'
import { guarded } from '../../core/containment.ts'

/** RFC 8305 §5: how long one address may take before the next is tried in parallel. */
const NEXT_ADDRESS_MS = 250

/** Of this thread. */
const preferred = new PreferredAddresses()

/** How one address is connected to: by a handle of libuv, or a socket of node:net or node:tls. */
export interface Attempts<T> {
  /** `told` is called once, after `begin` has returned: without an error when connected. After `close` it may be called, or not. */
  begin(address: string, told: (error?: Error) => void): T
  close(attempt: T): void
  /** This one is connected. The others have been closed. */
  won(attempt: T): void
  /** No address is left, or there was none. */
  failed(error: Error): void
}

/**
 * Tries one address of a name after the other: the next when one fails or has not answered for a quarter of a second. All but
 * the first success are closed. The time for all is up to the caller, who cancels.
 */
export class NameDial<T> {
  readonly #name: string
  readonly #attempts: Attempts<T>
  #addresses: readonly string[] = []
  #next = 0
  readonly #trying = new Map<T, string>()
  #timer: NodeJS.Timeout | undefined
  #over = false

  constructor(name: string, lookup: Lookup, attempts: Attempts<T>) {
    this.#name = name
    this.#attempts = attempts
    lookup(name, { all: true }, (error, addresses) => {
      if (this.#over) return
      this.#guarded(() => {
        if (error !== null || addresses.length === 0)
          return this.#fail(error ?? new Error(`no address for ${name}`))
        this.#addresses = preferred.order(name, inTurns(addresses as LookupAddress[]), performance.now())
        this.#try()
      })
    })
  }

  onInternalError(error: unknown): string | undefined {
    this.cancel()
    this.#attempts.failed(error as Error)
    return undefined
  }

  #guarded(run: () => void): void {
    guarded(run, this)
  }

  /** Nothing is told any more. */
  cancel(): void {
    this.#over = true
    clearTimeout(this.#timer)
    for (const attempt of this.#trying.keys()) this.#attempts.close(attempt)
    this.#trying.clear()
  }

  #try(): void {
    const address = this.#addresses[this.#next++]!
    const attempt = this.#attempts.begin(address, (error) => this.#guarded(() => this.#tried(attempt, error)))
    this.#trying.set(attempt, address)
    if (this.#next < this.#addresses.length)
      this.#timer = setTimeout(() => this.#guarded(() => this.#try()), NEXT_ADDRESS_MS)
  }

  #tried(attempt: T, error: Error | undefined): void {
    // Closed by `cancel`: another address was faster, or the connect was cancelled.
    const address = this.#trying.get(attempt)
    if (address === undefined) return
    this.#trying.delete(attempt)
    if (error === undefined) {
      if (this.#trying.size > 0) preferred.outran(this.#name, address, performance.now())
      this.cancel()
      return this.#attempts.won(attempt)
    }
    this.#attempts.close(attempt)
    preferred.failed(this.#name, address)
    if (this.#next < this.#addresses.length) {
      clearTimeout(this.#timer)
      this.#try()
    } else if (this.#trying.size === 0) this.#fail(error)
  }

  #fail(error: Error): void {
    this.#over = true
    this.#attempts.failed(error)
  }
}

/**
 * RFC 8305 §4: in the resolver's order, but alternating between families, so that a broken family delays one step only.
 */
function inTurns(addresses: readonly LookupAddress[]): string[] {
  const first = addresses.filter(({ family }) => family === addresses[0]!.family)
  const second = addresses.filter(({ family }) => family !== addresses[0]!.family)
  return addresses.flatMap((_, i) => [first[i], second[i]]).flatMap((found) => (found ? [found.address] : []))
}
