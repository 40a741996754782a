import type { CacheRequests, CacheTraffic, ListenerTraffic } from '../../admin/control-plane.ts'
import * as at from '../../balancer/table/columns.ts'
import type { Backend } from '../../balancer/pool/backend.ts'
import type { Pool } from '../../balancer/pool/pool.ts'
import type { Clock } from '../../core/clock.ts'
import type { MetricsHub } from '../../core/metrics/hub.ts'
import { CACHE_RESULTS } from '../../l7/cache/ports.ts'

/** Rates are averages of the last five to ten seconds. */
const PERIOD_MS = 5_000

const COUNTED = {
  connections: ['lb_connections_total', {}],
  refused: ['lb_connections_refused_total', {}],
  requests: ['lb_requests_total', {}],
  datagrams: ['lb_udp_datagrams_total', { direction: 'in' }],
  bytesIn: ['lb_bytes_total', { direction: 'in' }],
  bytesOut: ['lb_bytes_total', { direction: 'out' }]
} as const

type Counted = keyof typeof COUNTED

interface Reading {
  readonly at: number
  readonly listeners: Readonly<Record<Counted, ReadonlyMap<string, number>>>
  /** Requests by `pool/name`. */
  readonly backends: ReadonlyMap<string, number>
}

export interface TrafficDeps {
  readonly clock: Clock
  readonly hub: Pick<MetricsHub, 'totals'>
  readonly pools: () => Iterable<Pool>
}

/** Totals of listeners, and rates per second: counters are read every five seconds, and on demand. */
export class Traffic {
  readonly #deps: TrafficDeps
  /** Between one and two periods old, once there were two. */
  #before: Reading
  #last: Reading
  #cancel: () => void = () => {}

  constructor(deps: TrafficDeps) {
    this.#deps = deps
    // A reading before there was traffic.
    this.#before = this.#last = { at: deps.clock.now(), listeners: this.listeners(), backends: new Map() }
    this.#again()
  }

  close(): void {
    this.#cancel()
  }

  /** `now`: one reading for all listeners. */
  listener(name: string, protocol: 'tcp' | 'udp' | 'http', now = this.listeners()): ListenerTraffic {
    const count = (what: Counted) => now[what].get(name) ?? 0
    const rate = (what: Counted) => this.#rate(count(what), this.#before.listeners[what].get(name))
    const http = protocol === 'http'
    const udp = protocol === 'udp'
    return {
      connections: count('connections'),
      refused: count('refused'),
      ...(http && { requests: count('requests') }),
      ...(udp && { datagrams: count('datagrams') }),
      bytesIn: count('bytesIn'),
      bytesOut: count('bytesOut'),
      perSecond: {
        connections: rate('connections'),
        ...(http && { requests: rate('requests') }),
        ...(udp && { datagrams: rate('datagrams') }),
        bytesIn: rate('bytesIn'),
        bytesOut: rate('bytesOut')
      }
    }
  }

  /** What threads have counted of each cache: one reading for all of them. */
  caches(): (cache: string) => CacheTraffic {
    const { hub } = this.#deps
    const stored = hub.totals('lb_cache_stored_total', 'cache', {})
    const read = (result: keyof CacheRequests) => hub.totals('lb_cache_requests_total', 'cache', { result })
    const by = CACHE_RESULTS.map((result) => [result, read(result)] as const)
    return (cache) => ({
      requests: Object.fromEntries(
        by.map(([result, counts]) => [result, counts.get(cache) ?? 0])
      ) as unknown as CacheRequests,
      stored: stored.get(cache) ?? 0
    })
  }

  /** Requests per second. */
  backend({ table, slot, key }: Backend): number {
    return this.#rate(table.total(slot, at.REQUESTS), this.#before.backends.get(key))
  }

  #rate(count: number, before = 0): number {
    // A reading of this very moment gives no rate.
    const seconds = Math.max(1, (this.#deps.clock.now() - this.#before.at) / 1e3)
    return Math.round((100 * Math.max(0, count - before)) / seconds) / 100
  }

  #again(): void {
    this.#cancel = this.#deps.clock.after(PERIOD_MS, () => {
      const backends = new Map<string, number>()
      for (const pool of this.#deps.pools())
        for (const { table, slot, key } of pool.backends) backends.set(key, table.total(slot, at.REQUESTS))
      this.#before = this.#last
      this.#last = { at: this.#deps.clock.now(), listeners: this.listeners(), backends }
      this.#again()
    })
  }

  /** The current counters of all listeners. */
  listeners(): Reading['listeners'] {
    const { hub } = this.#deps
    const read = Object.entries(COUNTED).map(([what, [name, where]]) => [
      what,
      hub.totals(name, 'listener', where)
    ])
    return Object.fromEntries(read) as Reading['listeners']
  }
}
