import type { Clock } from '../core/clock.ts'
import { clientKey } from '../net/address/client-key.ts'

/** Wrong tokens that an address may send at once, and the time until it may send one more. */
const BURST = 20
const REFILL_MS = 1_000
/**
 * After an address has sent the right token it is not throttled for this long, even if others guess from there: behind
 * a proxy all clients share one address.
 */
const KNOWN_MS = 10 * 60_000
const MOST = 1_024

interface Address {
  /** When all of BURST is available again. */
  fullAt: number
  /** Until when it counts as an address that knows the token. */
  knownUntil: number
}

/**
 * Throttles guesses at the admin token, by address: 20 at once, then one a second. An address that knows the token may
 * always send it; its wrong ones are answered the same way.
 */
export class WrongTokens {
  readonly #clock: Clock
  /** The address heard from longest ago comes first. */
  readonly #addresses = new Map<string, Address>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** How long until a token from there is checked, in ms; 0: now. */
  wait(client: string): number {
    const found = this.#addresses.get(clientKey(client))
    const now = this.#clock.now()
    if (found === undefined || found.knownUntil > now) return 0
    return Math.max(0, found.fullAt - now - (BURST - 1) * REFILL_MS)
  }

  /** Counts a wrong token. Returns how long the address should have waited, in ms; 0: it was within BURST. */
  wrong(client: string): number {
    const now = this.#clock.now()
    const found = this.#touch(client)
    const waitMs = Math.max(0, found.fullAt - now - (BURST - 1) * REFILL_MS)
    found.fullAt = Math.min(Math.max(found.fullAt, now) + REFILL_MS, now + BURST * REFILL_MS)
    return waitMs
  }

  right(client: string): void {
    this.#touch(client).knownUntil = this.#clock.now() + KNOWN_MS
  }

  #touch(client: string): Address {
    const key = clientKey(client)
    const found = this.#addresses.get(key) ?? { fullAt: 0, knownUntil: 0 }
    this.#addresses.delete(key)
    if (this.#addresses.size >= MOST) this.#forget()
    this.#addresses.set(key, found)
    return found
  }

  /** Removes an entry, preferably of an address that does not know the token. */
  #forget(): void {
    const now = this.#clock.now()
    let oldest: string | undefined
    for (const [key, { knownUntil }] of this.#addresses) {
      oldest ??= key
      if (knownUntil > now) continue
      this.#addresses.delete(key)
      return
    }
    if (oldest !== undefined) this.#addresses.delete(oldest)
  }
}
