import { clientKey } from '../../../net/address/client-key.ts'

/** How long a client is remembered after the last of its connections that had to be ended. */
const REMEMBERED_MS = 60_000
const MOST = 1_024

/** What the connections of one client may leave behind at their ends, in units of `Glitches`, and what returns each second. */
const BUCKET = 10_000
const PER_SECOND = 500
/** Less is not remembered of a client that is not known: many cancel a few requests and leave. */
const LEAST_LEFT = 200
/** An overflowing bucket is an offence so often at most: a hundred connections that end at once are one. */
const OFFENCE_MS = 1_000

/** A client with so many offences is held back, until it has not offended for so long. */
const OFFENCES = 3
const HELD_MS = 10_000
/** What its connections send beyond a small slice is read so far apart. */
const APART_MS = 100
/** None waits longer: somebody else may be behind the same address. */
const WAIT_MS = 2_000
/** For all such clients together; more are refused. */
const MOST_WAITING = 256

interface Offender {
  /** When it is forgotten. */
  until: number
  /** Each within a minute of the one before. */
  offences: number
  offendedAt: number
  /** What its connections left behind. */
  left: number
  leftAt: number
  /** When the next of its connections that waits is read. */
  next: number
}

/**
 * Clients of a listener (on one thread) whose HTTP/2 connections had to be ended with ENHANCE_YOUR_CALM, or ended with much odd behaviour and requests
 * that were given up. The next connections of such a client begin with a tenth of the glitches; after three offences those
 * that send much at once wait for each other. So connecting again gains nothing, and others behind the same address, who
 * send a few requests, are served at once.
 */
export class Offenders {
  /** The one that is forgotten first comes first, nearly. */
  readonly #known = new Map<string, Offender>()
  #waiting = 0

  /** A connection had to be ended. `address`: '' on a unix socket, where nobody can be told apart. */
  add(address: string, now: number): void {
    if (address !== '') this.#offends(this.#of(address, now), now)
  }

  /** A connection has ended, with so many units that were not worked off. */
  leaves(address: string, units: number, now: number): void {
    if (address === '' || units <= 0 || (units < LEAST_LEFT && !this.#known.has(clientKey(address)))) return
    const one = this.#of(address, now)
    one.left = Math.max(0, one.left - ((now - one.leftAt) * PER_SECOND) / 1e3) + units
    one.leftAt = now
    if (one.left <= BUCKET) return
    one.left = BUCKET
    if (now - one.offendedAt >= OFFENCE_MS) this.#offends(one, now)
  }

  /** One of the client's connections had to be ended not long ago. */
  distrusts(address: string, now: number): boolean {
    return this.#find(address, now) !== undefined
  }

  /** What its connections send at once, beyond a small slice, waits. */
  holdsBack(address: string, now: number): boolean {
    const one = this.#find(address, now)
    return one !== undefined && one.offences >= OFFENCES && now - one.offendedAt < HELD_MS
  }

  /**
   * A connection of a client that is held back has sent more than a small slice at once: milliseconds before that is read,
   * with a call of `begun` at their end; -1: it is refused.
   */
  wait(address: string, now: number): number {
    const one = this.#find(address, now)
    if (one === undefined) return 0
    const wait = Math.min(WAIT_MS, Math.max(0, one.next - now))
    if (wait > 0) {
      if (this.#waiting >= MOST_WAITING) return -1
      this.#waiting++
    }
    one.next = now + wait + APART_MS
    return wait
  }

  /** A connection waits no more: it begins, or has ended. */
  begun(): void {
    this.#waiting--
  }

  #find(address: string, now: number): Offender | undefined {
    const one = this.#known.size === 0 ? undefined : this.#known.get(clientKey(address))
    return one === undefined || now - one.offendedAt >= REMEMBERED_MS ? undefined : one
  }

  #offends(one: Offender, now: number): void {
    one.offences = now - one.offendedAt < REMEMBERED_MS ? one.offences + 1 : 1
    one.offendedAt = now
  }

  /** Remembered from now on. */
  #of(address: string, now: number): Offender {
    const key = clientKey(address)
    let one = this.#known.get(key)
    if (one === undefined || one.until <= now) {
      one = { until: 0, offences: 0, offendedAt: -Infinity, left: 0, leftAt: now, next: 0 }
    }
    this.#known.delete(key)
    this.#forget(now)
    one.until = now + REMEMBERED_MS
    this.#known.set(key, one)
    return one
  }

  #forget(now: number): void {
    for (const [key, { until }] of this.#known) {
      if (until > now && this.#known.size < MOST) return
      this.#known.delete(key)
    }
  }
}
