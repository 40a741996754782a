import type { Gauge } from '../../../core/metrics/metrics.ts'
import type { Tied, TieHolder } from '../../forward/client-ties.ts'
import type { PoolConfig } from '../../../config/model/model.ts'
import type { Random } from '../../../core/random.ts'

/** Gauges of a pool: all its connections to backends on this thread. */
export interface UpstreamGauges {
  readonly idle: Gauge
  readonly busy: Gauge
}

/** A connection, as far as its rest is concerned. */
interface Restable extends Tied {
  readonly usable: boolean
  readonly lifetime: Lifetime
  /** The client that it belongs to. */
  readonly holder: TieHolder | undefined
}

/** The idle connections to one backend: those that any client may use, and those that belong to one client each. */
export class Resting<Connection extends Restable> {
  readonly #gauges: UpstreamGauges
  /** The key under which clients keep their own connections to this backend. */
  readonly #place: object
  /** The newest is last. */
  readonly #shared: Connection[] = []
  /** The oldest is first. */
  readonly #private = new Set<Connection>()

  constructor(gauges: UpstreamGauges, place: object) {
    this.#gauges = gauges
    this.#place = place
  }

  /** How many connections any client may use. */
  get shared(): number {
    return this.#shared.length
  }

  get all(): Connection[] {
    return [...this.#shared, ...this.#private]
  }

  add(connection: Connection): void {
    this.#shared.push(connection)
    this.#count(1)
  }

  /** Keeps a connection that only its client may use. False when its client keeps too many already. */
  addPrivate(connection: Connection): boolean {
    if (connection.holder?.ties?.keep(this.#place, connection) !== true) return false
    this.#private.add(connection)
    this.#count(1)
    return true
  }

  /** The newest one, so that surplus ones grow old and close; with `limit`, only one that `limit` trusts. */
  take(limit: IdleLimit | undefined, now: number): Connection | undefined {
    for (;;) {
      const connection = this.#shared.at(-1)
      if (connection === undefined) return undefined
      if (limit !== undefined && connection.usable) {
        const { oldest = connection } = this
        limit.lasts(now - oldest.lifetime.restedAt)
        if (!limit.trusts(now - connection.lifetime.restedAt)) return undefined
      }
      this.#shared.pop()
      this.#count(-1)
      if (connection.usable) return connection
    }
  }

  takeOwn(client: TieHolder): Connection | undefined {
    const own = client.ties?.take(this.#place) as Connection | undefined
    if (own !== undefined && this.#private.delete(own)) this.#count(-1)
    return own
  }

  get oldest(): Connection | undefined {
    if (this.#shared.length > 0) return this.#shared[0]
    for (const one of this.#private) return one
    return undefined
  }

  /** False when it was not idle. */
  remove(connection: Connection): boolean {
    const at = this.#shared.indexOf(connection)
    if (at !== -1) this.#shared.splice(at, 1)
    else if (!this.#private.delete(connection)) return false
    else connection.holder?.ties?.drop(this.#place, connection)
    this.#count(-1)
    return true
  }

  #count(rested: 1 | -1): void {
    this.#gauges.idle.add(rested)
    this.#gauges.busy.add(-rested)
  }
}

/** How long a backend may take to answer our FIN with its own. */
export const PARTING_MS = 1_000

/** Lifetimes end spread over their last tenth, so that connections opened together do not close together. */
const JITTER = 0.1

/** How long one connection to a backend may serve. */
export class Lifetime {
  readonly #endsAt: number
  readonly #requests: number
  /** When it last became idle. */
  restedAt = 0

  constructor({ maxAgeMs, maxRequests }: PoolConfig['connections'], now: number, random: Random) {
    const share = 1 - JITTER * random()
    this.#endsAt = maxAgeMs === undefined ? Infinity : now + maxAgeMs * share
    this.#requests = maxRequests === undefined ? Infinity : Math.max(1, Math.round(maxRequests * share))
  }

  /** Until when an idle connection is kept: `keepMs` at most, less where the server's Keep-Alive hint says so. */
  restsUntil(now: number, keepMs: number, hintSeconds: number | undefined): number {
    this.restedAt = now
    // One second below the hint, since the server may close while our request is on its way (RFC 9112 §9.3.1).
    const hintMs = hintSeconds === undefined ? Infinity : hintSeconds * 1e3 - 1e3
    return Math.min(now + Math.min(keepMs, hintMs), this.#endsAt)
  }

  isOver(served: number, now: number): boolean {
    return served >= this.#requests || now >= this.#endsAt
  }
}

/** Two closes of idle connections at about the same age show a rule of the backend; one may be a restart. */
const ALIKE = 0.05
const ALIKE_MS = 300
/** No server keeps idle connections for less than a second: an earlier close is a restart or an error. */
const LEAST_MS = 500
/** Closes within this time may have one cause. */
const APART_MS = 1_000
/** Every server keeps an idle connection for at least this long. */
const FRESH_MS = 750
/** A connection that looks open may have been closed by the backend within this time. */
const NEWS_MS = 1_000
/** What was learnt expires after this, in case the backend was reconfigured. */
const FORGET_MS = 10 * 60_000

/**
 * How long a backend keeps idle connections, learnt from its FINs. lb closes a connection just before that, so that no
 * request meets the backend's close on its way (RFC 9112 §9.3.1).
 */
export class IdleLimit {
  #learntMs = Infinity
  #learntAt = 0
  #lastMs = -1
  #lastAt = 0
  #provenMs = FRESH_MS

  /** The backend has closed a connection that had been idle for `idleMs`. */
  closed(idleMs: number, now: number): void {
    if (idleMs < this.#provenMs + NEWS_MS) this.#provenMs = FRESH_MS
    if (idleMs < LEAST_MS) return
    // A server that checks once a second closes after one to two seconds, so one earlier close corrects the value.
    if (idleMs < this.#learntMs && idleMs * 2 >= this.#learntMs) {
      this.#learntMs = idleMs
      this.#learntAt = now
    }
    const alike = Math.abs(idleMs - this.#lastMs) <= Math.max(ALIKE_MS, idleMs * ALIKE)
    if (this.#lastMs >= 0 && alike && now - this.#lastAt >= APART_MS) {
      this.#learntMs = Math.min(idleMs, this.#lastMs)
      this.#learntAt = now
    }
    if (now - this.#lastAt >= APART_MS || this.#lastMs < 0) {
      this.#lastMs = idleMs
      this.#lastAt = now
    }
  }

  /** How long a connection may stay idle: `keepMs` at most, and less than the backend keeps it. */
  within(keepMs: number, now: number): number {
    if (this.#learntMs === Infinity) return keepMs
    if (now - this.#learntAt > FORGET_MS) {
      this.#learntMs = Infinity
      this.#lastMs = -1
      return keepMs
    }
    return Math.min(keepMs, this.#learntMs - Math.min(1_000, Math.max(300, this.#learntMs * 0.1)))
  }

  /** A connection was still open after that long, or the backend says that it will be. */
  lasts(idleMs: number): void {
    if (idleMs - NEWS_MS > this.#provenMs) this.#provenMs = idleMs - NEWS_MS
  }

  /**
   * Whether a connection that has been idle for `idleMs` may take a request that must not be sent twice: a FIN on its
   * way would turn that request into a 502. While nothing is known the answer is no: the request gets a new connection,
   * and the idle one grows older and so shows how long the backend keeps it.
   */
  trusts(idleMs: number): boolean {
    return idleMs <= this.#provenMs || (this.#learntMs !== Infinity && idleMs <= this.#learntMs / 2)
  }
}
