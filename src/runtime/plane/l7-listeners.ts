import type { Pool } from '../../balancer/pool/pool.ts'
import type { L7ListenerConfig } from '../../config/model/model.ts'
import { ThreadCaches } from '../../l7/cache/thread-caches.ts'
import { compilePool, type L7SnapshotInput } from '../../l7/compile/compile.ts'
import type { L7Deps } from '../../l7/exchange/engine-context.ts'
import { L7Engine } from '../../l7/l7-engine.ts'
import { PoolUpstreams, type UpstreamRegistry } from '../../l7/http1/client/upstream-registry.ts'
import type { CompiledPool } from '../../l7/compile/l7-snapshot.ts'
import { Underway } from '../../l7/forward/underway.ts'
import { Gate, type AdmissionTables } from '../../net/admission/gate.ts'
import type { ListenerTlsMaterial } from '../../net/tls/listener-tls.ts'
import { TlsServer } from '../../net/tls/tls-server.ts'
import type { TlsThread } from '../../net/tls/tls-thread.ts'
import { UpstreamTls } from '../../net/tls/upstream-tls.ts'
import type { ThreadRedis } from '../../redis/thread-redis.ts'
import { inPieces } from './breathe.ts'
import type { ListenerEngine, PreparedListener } from './listener-engine.ts'
import { pluginStages } from './plugin-stages.ts'
import type { PlaneSnapshot } from './plane-snapshot.ts'
import { noPool } from '../../l7/compile/no-pool.ts'

export interface L7ListenersDeps extends L7Deps {
  readonly redis: ThreadRedis
  readonly upstreams: UpstreamRegistry
  readonly admission: AdmissionTables
  readonly tls: TlsThread
  readonly pseudonym: string
  /** Number of this thread: 0 is the main thread. */
  readonly thread: number
  /** Index of this thread among those with a cache, from 0. */
  readonly workerIndex: number
}

/** Creates the L7 engines of one thread. */
export class L7Listeners {
  readonly #deps: L7ListenersDeps
  readonly #caches: ThreadCaches
  /** An unchanged pool keeps its retry budget and its TLS sessions. */
  readonly #compiled = new WeakMap<Pool, CompiledPool>()
  readonly #underway = new Underway()

  constructor(deps: L7ListenersDeps) {
    this.#deps = deps
    this.#caches = new ThreadCaches(deps)
  }

  async prepare(
    config: L7ListenerConfig,
    material: ListenerTlsMaterial | undefined,
    snapshot: PlaneSnapshot,
    pools: ReadonlyMap<string, Pool>,
    running: ListenerEngine | undefined
  ): Promise<PreparedListener> {
    const { name, protocols, timeouts } = config
    const stages = await pluginStages(snapshot.plugins)
    const tlsOptions = { name, handshakeTimeoutMs: timeouts.handshakeMs, alpn: protocols, tellsClient: true }
    const input: L7SnapshotInput = {
      config,
      tls: material && new TlsServer(material, tlsOptions, this.#deps.tls),
      pool: (name) => {
        const pool = pools.get(name)
        if (pool === undefined) throw noPool(name, [...pools.keys()])
        return this.#compile(pool, snapshot)
      },
      gate: limitsConnections(config) ? new Gate(config, this.#deps.admission, this.#deps.clock) : undefined,
      cache: (route) => {
        const memory = route.cache && snapshot.caches.get(route.cache.store)
        const tier = memory?.tier && snapshot.redis && this.#deps.redis.use(snapshot.redis).tier
        return memory && this.#caches.httpCache(route.cache!, memory, tier)
      },
      thread: this.#deps.thread,
      stageMemories: snapshot.stageMemories,
      ...(stages !== undefined && { stages }),
      remoteRates: () => snapshot.redis && this.#deps.redis.use(snapshot.redis).rates,
      remoteSessions: () => snapshot.redis && this.#deps.redis.use(snapshot.redis).sessions
    }
    if (running instanceof L7Engine) {
      const next = await inPieces(running.compile(input))
      return { engine: running, commit: () => running.apply(next) }
    }
    return { engine: new L7Engine(this.#deps, input, this.#deps.pseudonym), commit: () => {} }
  }

  /** Probes found the backend `pool/name` down: what waits for it is ended, or tried elsewhere; its idle connections close. */
  backendDown(key: string): void {
    const requests = this.#underway.backendDown(key)
    if (requests > 0) this.#tell(key, requests)
    this.#deps.upstreams.backendDown(key)
  }

  /** One line for all: clients may have seen them end. */
  #tell(backend: string, requests: number): void {
    const fields = { event: 'requests-ended', backend, reason: 'backend-down', requests }
    const what = `${requests} ${requests === 1 ? 'request' : 'requests'} at ${backend}`
    this.#deps.log.info(fields, `${what} ended, or tried elsewhere (backend-down)`)
  }

  #compile(pool: Pool, snapshot: PlaneSnapshot): CompiledPool {
    let compiled = this.#compiled.get(pool)
    if (compiled === undefined) {
      const material = snapshot.pools.get(pool.name)!.tls
      const tls = material && new UpstreamTls(material)
      const upstreams = new PoolUpstreams(this.#deps.upstreams, pool, { config: pool.config, tls })
      compiled = compilePool(pool, this.#deps, upstreams, this.#underway)
      this.#compiled.set(pool, compiled)
    }
    return compiled
  }
}

function limitsConnections(config: L7ListenerConfig): boolean {
  const { allow, deny, maxConnections, connectionLimit, proxyProtocol } = config
  return (
    allow.length > 0 ||
    deny.length > 0 ||
    maxConnections !== undefined ||
    connectionLimit !== undefined ||
    proxyProtocol !== undefined
  )
}
