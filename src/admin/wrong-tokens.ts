import type { Clock } from '../core/clock.ts'
import { ipWords, parseIp } from '../net/address/ip-address.ts'

/** Wrong tokens that an address may show at once, and the time until it may show one more. */
const BURST = 20
const REFILL_MS = 1_000
/** An address that has shown the token is asked it for so long, whoever else guesses there: behind a proxy all have one. */
const KNOWN_MS = 10 * 60_000
const MOST = 1_024

interface Address {
  /** When all of BURST is there again. */
  fullAt: number
  /** Until when it counts as one that knows the token. */
  knownUntil: number
}

/**
 * Throttles guesses at the admin token, by address: 20 at once, then one a second. An address that knows the token may
 * always show it, and is told the same of its wrong ones.
 */
export class WrongTokens {
  readonly #clock: Clock
  /** The one that was heard of longest ago first. */
  readonly #addresses = new Map<string, Address>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Until a token from there is looked at, in ms; 0: now. */
  wait(client: string): number {
    const found = this.#addresses.get(keyOf(client))
    const now = this.#clock.now()
    if (found === undefined || found.knownUntil > now) return 0
    return Math.max(0, found.fullAt - now - (BURST - 1) * REFILL_MS)
  }

  /** Counts one. Until it would have been due, in ms; 0: it was one of those that an address may show. */
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
    const key = keyOf(client)
    const found = this.#addresses.get(key) ?? { fullAt: 0, knownUntil: 0 }
    this.#addresses.delete(key)
    if (this.#addresses.size >= MOST) this.#forget()
    this.#addresses.set(key, found)
    return found
  }

  /** Who makes room: rather one that does not know the token. */
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

/** An IPv6 client has a /64 to itself (RFC 6177). */
function keyOf(address: string): string {
  return parseIp(address) === 6 ? `${ipWords[0]!}:${ipWords[1]!}` : address
}
