import { resolve } from 'node:path'
import { systemClock } from '../../core/clock.ts'
import {
  ControlError,
  type BackendChange,
  type BackendView,
  type CacheView,
  type CertificateView,
  type ConnectionsView,
  type ControlPlane,
  type InfoView,
  type ListenerView,
  type PoolView,
  type PurgeReport,
  type PurgeRequest,
  type ReloadReport,
  type StapleView
} from '../../admin/control-plane.ts'
import type { ExplainRequest, ExplanationView } from '../../admin/api/explanation.ts'
import type { Backend } from '../../balancer/pool/backend.ts'
import type { Operator } from '../../balancer/pool/operator.ts'
import type { ListenerConfig } from '../../config/model/model.ts'
import type { CacheStores } from '../memory/cache-stores.ts'
import type { Controller } from './controller.ts'
import type { SourceView } from '../discovery/followed-source.ts'
import { explainRequest } from './check/explain.ts'
import { listenerAddresses } from '../plane/listener-addresses.ts'
import { Coalesced } from './reload/coalesced.ts'
import type { ListenerConnections } from '../workers/messages.ts'
import type { Planes } from '../workers/planes.ts'
import type { RedisBoard } from '../../redis/redis-board.ts'
import { placeOf } from '../../redis/redis-plan.ts'
import { durationText } from '../../core/duration-text.ts'
import { usesWeights } from '../../config/checks/pools.ts'
import { viewBackend, viewPool, viewSource, type BackendFacts } from './pool-view.ts'
import type { Traffic } from './traffic.ts'

export interface AdminPlaneDeps {
  readonly controller: Controller
  readonly planes: Planes
  readonly caches: CacheStores
  readonly operator: Operator
  /** The source of a pool with `discover`. */
  readonly discovery: (pool: string) => SourceView | undefined
  readonly facts: Omit<BackendFacts, 'rateOf'>
  readonly traffic: Traffic
  readonly version: string
  /** Worker threads; 0: the main thread serves. */
  readonly workers: number
  readonly isDraining: () => boolean
  readonly renderMetrics: () => string
  /** The name of this process in Via. */
  readonly pseudonym: string
  readonly reload: (plan: boolean) => Promise<ReloadReport>
  readonly redis: RedisBoard
  readonly certificates: () => readonly CertificateView[]
  readonly staples: () => readonly StapleView[]
}

/** What the admin listener shows and changes: translates between the running process and the admin API. */
export class AdminPlane implements ControlPlane {
  readonly #deps: AdminPlaneDeps
  readonly #facts: BackendFacts
  readonly #startedAt = Date.now()
  /** The wall clock may be set while lb runs. */
  readonly #began = performance.now()
  readonly #reloads = new Coalesced(systemClock, () => this.#deps.reload(false))
  /** Of the last count: `listeners()` is synchronous and is asked by every readiness probe. */
  #counted: readonly ListenerConnections[] = []

  constructor(deps: AdminPlaneDeps) {
    this.#deps = deps
    this.#facts = { ...deps.facts, rateOf: (backend) => deps.traffic.backend(backend) }
  }

  info(): InfoView {
    const { controller, version, workers, isDraining, redis } = this.#deps
    return {
      version,
      node: process.version,
      pid: process.pid,
      startedAt: new Date(this.#startedAt).toISOString(),
      now: new Date().toISOString(),
      uptimeSeconds: Math.round((performance.now() - this.#began) / 1e3),
      workers,
      state: isDraining() ? 'draining' : 'running',
      ...(controller.config.file !== undefined && { configFile: resolve(controller.config.file) }),
      configLoadedAt: new Date(controller.loadedAt).toISOString(),
      ...(controller.config.redis !== undefined && {
        redis: { place: placeOf(controller.config.redis), ...redis.reach }
      })
    }
  }

  troubles(): readonly string[] {
    const { workers } = this.#deps.planes
    if (workers.length > 0 && workers.every(({ state }) => state === 'waiting' || state === 'starting'))
      return ['no worker runs: they are being replaced']
    return workers.flatMap(({ thread, state, ailing }) => {
      if (state === 'stuck') return [`worker ${thread} is stuck`]
      return ailing && state !== 'running' ? [`worker ${thread} keeps dying`] : []
    })
  }

  metrics(): string {
    return this.#deps.renderMetrics()
  }

  listeners(): readonly ListenerView[] {
    const { controller, planes, isDraining, traffic } = this.#deps
    // Starts the next count; callers that need exact numbers use `connections()`.
    void planes.connections().then((open) => (this.#counted = open))
    const bound = !isDraining()
    const counted = traffic.listeners()
    return controller.config.listeners.map((listener) => ({
      name: listener.name,
      mode: listener.mode,
      protocol: protocolOf(listener),
      binds: listenerAddresses(listener, controller.ports).map(({ address }) => ({ address, bound })),
      tls: listener.tls !== undefined,
      open: this.#open(listener.name),
      pools: poolsOf(listener),
      ...traffic.listener(listener.name, protocolOf(listener), counted)
    }))
  }

  pools(): readonly PoolView[] {
    const { controller, discovery } = this.#deps
    return [...controller.pools.values()].map((pool) => {
      const view = viewPool(pool, this.#facts)
      const source = discovery(pool.name)
      return source === undefined ? view : { ...view, discovery: viewSource(source) }
    })
  }

  async connections(): Promise<ConnectionsView> {
    const counted = (this.#counted = await this.#deps.planes.connections())
    const oldestMs = Math.max(0, ...counted.map((part) => part.oldestMs))
    return {
      open: counted.reduce((sum, { connections }) => sum + connections, 0),
      ...seconds(oldestMs),
      listeners: counted.map(({ listener, connections, oldestMs, draining }) => ({
        name: draining ? `${listener} (draining)` : listener,
        open: connections,
        ...seconds(oldestMs)
      }))
    }
  }

  certificates(): readonly CertificateView[] {
    return this.#deps.certificates()
  }

  staples(): readonly StapleView[] {
    return this.#deps.staples()
  }

  caches(): readonly CacheView[] {
    return this.#deps.caches.views(this.#deps.traffic.caches())
  }

  config(): object {
    return this.#deps.controller.config
  }

  changeBackend(poolName: string, name: string, change: BackendChange): BackendView | undefined {
    const { controller, operator } = this.#deps
    const pool = controller.pools.get(poolName)
    const backend: Backend | undefined = pool?.byName(name)
    if (pool === undefined || backend === undefined) return undefined
    const { algorithm } = pool.config
    // Checked before anything is changed, so that both changes take effect or neither.
    if (change.weight !== undefined && !usesWeights(algorithm)) {
      const cure = algorithm === 'first' ? 'another algorithm' : 'weighted-round-robin or another algorithm'
      throw new ControlError(
        'conflict',
        `pool ${poolName} balances by ${algorithm}, which does not use weights; give it ${cure}`
      )
    }
    const { sessionsMs = 0 } = change
    if (sessionsMs > 0 && pool.config.sticky === undefined) {
      throw new ControlError(
        'conflict',
        `pool ${poolName} has no sticky cookie, so no client has one; drain it without sessions`
      )
    }
    if (change.state !== undefined) {
      const { slowStartMs } = pool.config
      const reason = sessionsMs > 0 ? `operator, sessions kept for ${durationText(sessionsMs)}` : 'operator'
      operator.setState(backend, change.state, { slowStartMs, sessionsMs, reason })
    }
    if (change.weight !== undefined) operator.setWeight(backend, change.weight)
    return viewBackend(pool, backend, this.#facts)
  }

  async reload(plan: boolean): Promise<ReloadReport> {
    if (this.#deps.isDraining()) throw new ControlError('unavailable', 'lb is shutting down')
    return plan ? this.#deps.reload(true) : this.#reloads.call()
  }

  purge(request: PurgeRequest): Promise<PurgeReport> {
    return this.#deps.caches.purge(request)
  }

  explain(request: ExplainRequest): ExplanationView {
    const { controller, caches, pseudonym } = this.#deps
    return explainRequest(controller.config, request, {
      pseudonym,
      ports: controller.ports,
      store: (name) => caches.store(name),
      stageMemories: controller.stageMemories,
      now: Date.now()
    })
  }

  #open(listener: string): number {
    return this.#counted.reduce((sum, part) => (part.listener === listener ? sum + part.connections : sum), 0)
  }
}

function protocolOf(listener: ListenerConfig): 'tcp' | 'udp' | 'http' {
  return listener.mode === 'l7' ? 'http' : listener.protocol
}

function poolsOf(listener: ListenerConfig): string[] {
  const names = new Set<string>()
  if (listener.mode === 'l4') {
    for (const { pool } of listener.sni) names.add(pool)
    if (listener.pool !== undefined) names.add(listener.pool)
  } else {
    for (const { action, mirror } of listener.routes) {
      if (action.kind === 'pool') names.add(action.pool)
      if (action.kind === 'split') for (const { pool } of action.targets) names.add(pool)
      if (mirror !== undefined) names.add(mirror.pool)
    }
  }
  return [...names]
}

function seconds(oldestMs: number): { oldestSeconds?: number } {
  return oldestMs > 0 ? { oldestSeconds: Math.round(oldestMs) / 1e3 } : {}
}
