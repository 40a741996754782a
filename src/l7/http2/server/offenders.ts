import type { CidrSet } from '../../../net/address/cidr.ts'
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

/** A client with so many offences is held back. */
const OFFENCES = 3
/** Connections of such a client begin so far apart. */
const APART_MS = 100
/** It may have 20 connections waiting; more are refused. */
const WAIT_MS = 2_000
/** For all such clients together. */
const MOST_WAITING = 256
/** Requests at once on a connection of such a client. */
const FEW_STREAMS = 16

/** How a new connection of a client is treated. */
export interface Standing {
  /** One of its connections had to be ended not long ago. */
  readonly distrusted: boolean
  /** Milliseconds before it is read; -1: it is refused; undefined: the client is not held back. */
  readonly wait: number | undefined
  readonly maxStreams: number
}

interface Offender {
  /** When it is forgotten. */
  until: number
  /** Each within a minute of the one before. */
  offences: number
  offendedAt: number
  /** What its connections left behind. */
  left: number
  leftAt: number
  /** When its next connection may begin. */
  next: number
}

const FINE: Standing = { distrusted: false, wait: undefined, maxStreams: Infinity }

/**
 * Clients of a listener (on one thread) whose HTTP/2 connections had to be ended with ENHANCE_YOUR_CALM, or ended with much odd behaviour and requests
 * that were given up. The next connections of such a client begin with a tenth of the glitches; after three offences they
 * begin a tenth of a second apart, with few streams. So connecting again gains nothing, and others behind
 * the same address are served, later.
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

  /**
   * Of a connection that begins; a client that is one of `proxies` stands for many, and may be distrusted, but is not held
   * back. Call `begun` after a wait.
   */
  standing(address: string, now: number, proxies: Pick<CidrSet, 'contains'>): Standing {
    const one = this.#known.size === 0 ? undefined : this.#known.get(clientKey(address))
    if (one === undefined || now - one.offendedAt >= REMEMBERED_MS) return FINE
    if (one.offences < OFFENCES || proxies.contains(address)) return { ...FINE, distrusted: true }
    const wait = Math.max(0, one.next - now)
    const refused = wait >= WAIT_MS || (wait > 0 && this.#waiting >= MOST_WAITING)
    if (!refused) {
      one.next = now + wait + APART_MS
      if (wait > 0) this.#waiting++
    }
    return { distrusted: true, wait: refused ? -1 : wait, maxStreams: FEW_STREAMS }
  }

  /** A connection waits no more: it begins, or has ended. */
  begun(): void {
    this.#waiting--
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
