import { clientKey } from '../../../net/address/client-key.ts'

/** How long a client is remembered after the last of its connections that had to be ended. */
const REMEMBERED_MS = 60_000
const MOST = 1_024

/**
 * Clients of a listener (on one thread) whose HTTP/2 connections had to be ended with ENHANCE_YOUR_CALM. Their next connections begin with a tenth of
 * the glitches, so that connecting again gains nothing. Others behind the same address may still cancel a hundred
 * requests at once.
 */
export class Offenders {
  /** When each is forgotten; the one that is forgotten first comes first. */
  readonly #until = new Map<string, number>()

  /** `address`: '' on a unix socket, where nobody can be told apart. */
  add(address: string, now: number): void {
    if (address === '') return
    const key = clientKey(address)
    this.#until.delete(key)
    this.#forget(now)
    this.#until.set(key, now + REMEMBERED_MS)
  }

  has(address: string, now: number): boolean {
    if (this.#until.size === 0) return false
    return (this.#until.get(clientKey(address)) ?? 0) > now
  }

  #forget(now: number): void {
    for (const [key, until] of this.#until) {
      if (until > now && this.#until.size < MOST) return
      this.#until.delete(key)
    }
  }
}
