import type { Backend } from '../../../balancer/pool/backend.ts'
import { addedItems } from '../../../balancer/table/list-edits.ts'
import type { Pool } from '../../../balancer/pool/pool.ts'
import { nextTurn } from '../../../core/containment.ts'
import type { Metrics } from '../../../core/metrics/metrics.ts'
import { isIdempotent, isSafe } from '../../message/methods.ts'
import type { Outgoing } from '../../forward/forward-owner.ts'
import type { UpstreamClient } from '../../forward/upstream-client.ts'
import type { UpstreamStream, Upstreams, UpstreamTimes } from '../../forward/upstreams.ts'
import { BackendStreams } from '../../http2/client/backend-streams.ts'
import type { UpstreamGauges } from './resting.ts'
import { Sent } from './sent.ts'
import { UpstreamPool, type UpstreamDeps, type UpstreamSettings } from './upstream-pool.ts'

/** Backends whose idle connections are closed in one turn of the event loop: a close takes about 20 µs. */
const RETIRED_PER_TURN = 50

/** What a connection is made by: the protocol, and the address it goes out from. */
type Way = string
type BackendConnections = UpstreamPool | BackendStreams

interface KnownBackend {
  readonly backend: Backend
  readonly upstreams: BackendConnections
}

interface BackendEntry extends KnownBackend {
  readonly way: Way
}

/** The connections of one pool, by backend and address; created when a backend is first picked. */
interface PoolConnections {
  settings: UpstreamSettings
  readonly gauges: UpstreamGauges
  readonly byBackend: Map<string, BackendEntry>
}

/**
 * The upstream connections of this thread, by pool, backend and address. They outlive snapshots, so a reload keeps the
 * connections of backends that did not change. Nothing in here grows with the configuration: with 10,000 backends of
 * which ten are used there are ten entries, and a reload looks at ten.
 */
export class UpstreamRegistry {
  readonly #deps: UpstreamDeps
  readonly #pools = new Map<string, PoolConnections>()
  readonly #metrics: Metrics
  /** The pools in force; undefined before the first snapshot. */
  #current: ReadonlyMap<string, Pool> | undefined
  /** Those of the last `retain`; undefined when others were in force between. */
  #retained: ReadonlyMap<string, Pool> | undefined
  #retiring: BackendConnections[] = []

  constructor(deps: UpstreamDeps, metrics: Metrics) {
    this.#deps = deps
    this.#metrics = metrics
  }

  /** From now on, connections to backends of this pool are made and kept by these settings. */
  configure(pool: string, settings: UpstreamSettings): void {
    const known = this.#pools.get(pool)
    if (known === undefined) {
      this.#pools.set(pool, { settings, gauges: this.#gauges(pool), byBackend: new Map() })
      return
    }
    known.settings = settings
    const way = wayOf(settings.config)
    for (const entry of known.byBackend.values()) if (entry.way === way) entry.upstreams.update(settings)
  }

  /** The connections to `backend`; its pool was configured before. */
  of(backend: Backend, settings: UpstreamSettings): BackendConnections {
    const { protocol } = settings.config
    const way = wayOf(settings.config)
    if (!this.#pools.has(backend.pool)) this.configure(backend.pool, settings)
    const pool = this.#pools.get(backend.pool)!
    const key = keyOf(backend, way)
    const known = pool.byBackend.get(key)
    if (known !== undefined) return known.upstreams
    const newest = wayOf(pool.settings.config) === way ? pool.settings : settings
    const Connections = protocol === 'http1' ? UpstreamPool : BackendStreams
    const upstreams = new Connections(this.#deps, backend.address, pool.gauges, newest)
    // A request of an old snapshot came late: the connection that it opens is closed after it.
    if (this.#isGone(backend, way)) upstreams.retire()
    else pool.byBackend.set(key, { backend, way, upstreams })
    return upstreams
  }

  /** Another thread needs a connection to the backend `pool/name`: closes an idle one. */
  shed({ pool, name }: Pick<Backend, 'pool' | 'name'>): boolean {
    for (const { backend, upstreams } of this.#pools.get(pool)?.byBackend.values() ?? []) {
      if (backend.name === name && upstreams.shed()) return true
    }
    return false
  }

  /** The backend `pool/name` is down: its idle connections close. */
  backendDown(key: string): void {
    for (const { byBackend } of this.#pools.values()) {
      for (const { backend, upstreams } of byBackend.values()) if (backend.key === key) upstreams.leaveIdle()
    }
  }

  /** These pools are in force from now on: connections to their backends are kept. */
  use(pools: ReadonlyMap<string, Pool>): void {
    if (this.#current !== this.#retained) this.#retained = undefined
    this.#current = pools
  }

  /** Drops backends that are in none of `pools`, which are in force: idle connections close soon, busy ones after their response. */
  retain(pools: ReadonlyMap<string, Pool>): void {
    const before = this.#retained
    this.#current = this.#retained = pools
    const idle = this.#retiring.length === 0
    for (const [name, { byBackend }] of this.#pools) {
      const [now, was] = [pools.get(name), before?.get(name)]
      if (now === undefined) this.#pools.delete(name)
      if (byBackend.size === 0) continue
      // Where nothing else has changed, only those that left the list can be gone.
      const left =
        now !== undefined && was !== undefined && wayOf(now.config) === wayOf(was.config)
          ? new Set(addedItems(now.backends, was.backends).map((backend) => backend.name))
          : undefined
      for (const [key, { backend, way, upstreams }] of byBackend) {
        if (left?.has(backend.name) === false || !this.#isGone(backend, way)) continue
        byBackend.delete(key)
        this.#retiring.push(upstreams)
      }
    }
    if (idle && this.#retiring.length > 0) nextTurn(() => this.#retireSome())
  }

  #retireSome(): void {
    for (const upstreams of this.#retiring.splice(0, RETIRED_PER_TURN)) upstreams.retire()
    if (this.#retiring.length > 0) nextTurn(() => this.#retireSome())
  }

  #isGone({ pool, name, address }: Backend, way: Way): boolean {
    if (this.#current === undefined) return false
    const current = this.#current.get(pool)
    if (current === undefined || wayOf(current.config) !== way) return true
    return current.byName(name)?.address.text !== address.text
  }

  #gauges(pool: string): UpstreamGauges {
    const gauge = (state: string) => this.#metrics.gauge('lb_upstream_connections', { pool, state })
    return { idle: gauge('idle'), busy: gauge('busy') }
  }

  /** Closes all idle connections: shutdown. */
  closeIdle(): void {
    for (const upstreams of this.#retiring.splice(0)) upstreams.destroyIdle()
    for (const { byBackend } of this.#pools.values()) {
      for (const { upstreams } of byBackend.values()) upstreams.destroyIdle()
    }
  }
}

/** The backends of one pool of one snapshot. */
export class PoolUpstreams implements Upstreams {
  readonly #registry: UpstreamRegistry
  readonly #settings: UpstreamSettings
  /** By Backend.slot. A waiter may come with a backend of a later snapshot: in another place, or in a row that had another then. */
  readonly #known: (KnownBackend | undefined)[] = []

  constructor(registry: UpstreamRegistry, pool: Pool, settings: UpstreamSettings) {
    this.#registry = registry
    this.#settings = settings
    registry.configure(pool.name, settings)
  }

  open(
    backend: Backend,
    request: Outgoing,
    times: UpstreamTimes,
    client: UpstreamClient,
    needsNew: boolean
  ): UpstreamStream {
    const upstreams = this.to(backend)
    if (upstreams instanceof BackendStreams) return upstreams.open(backend, request, times, client)
    const batched = this.#settings.config.connections.pipelining > 1 && mayPipeline(request)
    const sent = new Sent(client, request, times)
    // With maxConnections a new connection might have to wait for the idle one.
    const { method } = request
    const once = backend.maxConnections === undefined && method !== 'GET' && !isIdempotent(method)
    if (!needsNew) {
      const kept = batched ? upstreams.takePipelined() : upstreams.take(request.client, once)
      if (kept !== undefined) {
        sent.use(kept, batched)
        return sent
      }
    }
    sent.dialling = upstreams.connect(backend, times.connectMs, sent, request.preface, needsNew)
    return sent
  }

  to(backend: Backend): BackendConnections {
    const known = this.#known[backend.slot]
    if (known !== undefined && known.backend === backend) return known.upstreams
    const upstreams = this.#registry.of(backend, this.#settings)
    this.#known[backend.slot] = { backend, upstreams }
    return upstreams
  }
}

/** Only requests that may be answered twice without harm are sent behind another one (RFC 9112 §9.3.2). */
function mayPipeline({ method, bodyLength, upgrade, authenticates, client }: Outgoing): boolean {
  if (authenticates || client?.ties !== undefined) return false
  return bodyLength === 0 && upgrade === '' && isSafe(method)
}

function wayOf({ protocol, source }: UpstreamSettings['config']): Way {
  return source === undefined ? protocol : `${protocol} ${source}`
}

function keyOf(backend: Backend, way: Way): string {
  return `${backend.name}\n${backend.address.text}\n${way}`
}
