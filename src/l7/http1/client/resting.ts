import type { Gauge } from '../../../core/metrics/metrics.ts'
import type { TieHolder } from '../../forward/client-ties.ts'
import type { IdleLimit } from './lifetime.ts'
import type { UpstreamConnection } from './upstream-connection.ts'

/** Gauges of a pool: all its connections to backends on this thread. */
export interface UpstreamGauges {
  readonly idle: Gauge
  readonly busy: Gauge
}

/** The idle connections to one backend: those that any client may use, and those that belong to one client each. */
export class Resting {
  readonly #gauges: UpstreamGauges
  /** The key under which clients keep their own connections to this backend. */
  readonly #place: object
  /** The newest is last. */
  readonly #shared: UpstreamConnection[] = []
  /** The oldest is first. */
  readonly #private = new Set<UpstreamConnection>()

  constructor(gauges: UpstreamGauges, place: object) {
    this.#gauges = gauges
    this.#place = place
  }

  /** How many connections any client may use. */
  get shared(): number {
    return this.#shared.length
  }

  get all(): UpstreamConnection[] {
    return [...this.#shared, ...this.#private]
  }

  add(connection: UpstreamConnection): void {
    this.#shared.push(connection)
    this.#count(1)
  }

  /** Keeps a connection that only its client may use. False when its client keeps too many already. */
  addPrivate(connection: UpstreamConnection): boolean {
    if (connection.holder?.ties?.keep(this.#place, connection) !== true) return false
    this.#private.add(connection)
    this.#count(1)
    return true
  }

  /** The newest one, so that surplus ones grow old and close; with `limit`, only one that `limit` trusts. */
  take(limit: IdleLimit | undefined, now: number): UpstreamConnection | undefined {
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

  takeOwn(client: TieHolder): UpstreamConnection | undefined {
    const own = client.ties?.take(this.#place) as UpstreamConnection | undefined
    if (own !== undefined && this.#private.delete(own)) this.#count(-1)
    return own
  }

  get oldest(): UpstreamConnection | undefined {
    if (this.#shared.length > 0) return this.#shared[0]
    for (const one of this.#private) return one
    return undefined
  }

  /** False when it was not idle. */
  remove(connection: UpstreamConnection): boolean {
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
