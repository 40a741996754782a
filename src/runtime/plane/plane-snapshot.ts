import { own } from '../../core/own.ts'
import type { Bind } from '../../config/model/bind.ts'
import type { Config, ListenerConfig, LogLevel, PoolConfig } from '../../config/model/model.ts'
import type { PoolSlots } from '../../balancer/table/slot-registry.ts'
import type { SharedStoreMemory } from '../../l7/cache/store/memory/layout.ts'
import type { ListenerTlsMaterial } from '../../net/tls/listener-tls.ts'
import type { UpstreamTlsMaterial } from '../../net/tls/upstream-tls.ts'
import type { RedisPlan } from '../../redis/redis-plan.ts'
import { same, samePool } from './same.ts'
import { type PluginPlan, pluginPlans } from './plugin-stages.ts'

/** What a data plane runs: its part of the configuration, with the rows in shared tables. Immutable. */
export interface PlaneSnapshot {
  readonly id: number
  readonly logLevel: LogLevel
  /** How long connections of removed listeners may live on. */
  readonly graceMs: number
  readonly listeners: readonly ListenerPlan[]
  readonly pools: ReadonlyMap<string, PoolPlan>
  /** Memory of the caches, by name. */
  readonly caches: ReadonlyMap<string, SharedStoreMemory>
  /** Shared memory of stages, by stageMemoryId. */
  readonly stageMemories: ReadonlyMap<string, unknown>
  readonly redis?: RedisPlan | undefined
  readonly plugins: readonly PluginPlan[]
  /** Ports chosen for binds to port 0, by bind key. */
  readonly ports: Readonly<Record<string, number>>
}

export interface ListenerPlan {
  readonly config: ListenerConfig
  readonly tls: ListenerTlsMaterial | undefined
}

export interface PoolPlan {
  readonly config: PoolConfig
  readonly slots: PoolSlots
  readonly tls: UpstreamTlsMaterial | undefined
}

/** Contents of certificate files, read by the main thread, since workers may lack permission. By name. */
export interface Material {
  readonly listeners: Readonly<Record<string, ListenerTlsMaterial>>
  readonly pools: Readonly<Record<string, UpstreamTlsMaterial>>
  readonly redis?: UpstreamTlsMaterial | undefined
}

/**
 * The changes since the previous snapshot, as sent to workers: cloning 10,000 backends for every reload of one listener
 * would block each worker for tens of milliseconds. A string names an unchanged part.
 */
export interface PlaneDelta {
  readonly id: number
  /** Id of the snapshot it is based on; undefined: none. */
  readonly base: number | undefined
  readonly logLevel: LogLevel
  readonly graceMs: number
  readonly listeners: readonly (ListenerPlan | string)[]
  readonly pools: readonly (PoolPlan | string)[]
  readonly caches: readonly (readonly [name: string, memory: SharedStoreMemory | undefined])[]
  readonly stageMemories: readonly (readonly [id: string, memory: unknown])[]
  /** Undefined: as before. */
  readonly plugins: readonly PluginPlan[] | undefined
  readonly ports: Readonly<Record<string, number>>
  readonly redis?: RedisPlan | undefined
}

/** Identifies a bind across snapshots: its address, or its position where the kernel chooses the port. */
export function bindKey(listener: BindOwner, bind: Bind, index: number): string {
  const udp = listener.mode === 'l4' && listener.protocol === 'udp' ? 'udp:' : ''
  return bind.kind === 'tcp' && bind.port === 0 ? `${udp}${listener.name}#${index}` : `${udp}${bind.text}`
}

type BindOwner = Pick<ListenerConfig, 'name' | 'mode'> & { readonly protocol?: string }

export interface PlaneSnapshotInput {
  readonly id: number
  readonly config: Config
  /** From the configuration, or overridden on the command line. */
  readonly logLevel: LogLevel
  readonly material: Material
  readonly slots: Readonly<Record<string, PoolSlots>>
  readonly ports: Readonly<Record<string, number>>
  readonly caches: ReadonlyMap<string, SharedStoreMemory>
  readonly stageMemories: ReadonlyMap<string, unknown>
}

/** With `slots` and `ports` as assigned; parts equal to those of `before` are reused, so that `===` finds changes. */
export function redisPlan({ redis }: Config, material: Material): RedisPlan | undefined {
  return redis && { config: redis, tls: material.redis }
}

export function makePlaneSnapshot(input: PlaneSnapshotInput, before?: PlaneSnapshot): PlaneSnapshot {
  const { id, config, logLevel, material, slots, ports, caches, stageMemories } = input
  const listenersBefore = new Map(before?.listeners.map((plan) => [plan.config.name, plan]))
  const listeners = config.listeners.map((listener) =>
    reuse(listenersBefore.get(listener.name), {
      config: listener,
      tls: own(material.listeners, listener.name)
    })
  )
  const pools = new Map<string, PoolPlan>()
  for (const pool of Object.values(config.pools)) {
    const plan = { config: pool, slots: own(slots, pool.name)!, tls: own(material.pools, pool.name) }
    const old = before?.pools.get(pool.name)
    // The tree is shared memory, which a comparison as text does not distinguish.
    pools.set(pool.name, old !== undefined && samePlan(old, plan) ? old : plan)
  }
  const plugins = pluginPlans(config.plugins, before?.plugins)
  return {
    id,
    logLevel,
    graceMs: config.shutdown.graceMs,
    listeners,
    pools,
    caches,
    stageMemories,
    plugins,
    ports,
    redis: redisPlan(config, material)
  }
}

export function deltaOf(before: PlaneSnapshot | undefined, next: PlaneSnapshot): PlaneDelta {
  const known = new Set(before?.listeners)
  return {
    id: next.id,
    base: before?.id,
    logLevel: next.logLevel,
    graceMs: next.graceMs,
    listeners: next.listeners.map((plan) => (known.has(plan) ? plan.config.name : plan)),
    pools: [...next.pools].map(([name, plan]) => (before?.pools.get(name) === plan ? name : plan)),
    // Sent once: every message creates new objects over the same memory, and a thread's view of a cache is found by its
    // object.
    caches: [...next.caches].map(([name, memory]) => [
      name,
      before?.caches.get(name) === memory ? undefined : memory
    ]),
    stageMemories: [...next.stageMemories].map(([id, memory]) => [
      id,
      before?.stageMemories.get(id) === memory ? undefined : memory
    ]),
    plugins: before?.plugins === next.plugins ? undefined : next.plugins,
    ports: next.ports,
    redis: next.redis
  }
}

export function applyDelta(before: PlaneSnapshot | undefined, delta: PlaneDelta): PlaneSnapshot {
  if (delta.base !== before?.id) {
    throw new Error(`snapshot ${delta.id} stands on ${delta.base}, but ${before?.id} is in force`)
  }
  const listeners = new Map(before?.listeners.map((plan) => [plan.config.name, plan]))
  const pools = new Map<string, PoolPlan>()
  for (const part of delta.pools) {
    const plan = typeof part === 'string' ? before!.pools.get(part)! : part
    pools.set(plan.config.name, plan)
  }
  return {
    id: delta.id,
    logLevel: delta.logLevel,
    graceMs: delta.graceMs,
    listeners: delta.listeners.map((part) => (typeof part === 'string' ? listeners.get(part)! : part)),
    pools,
    caches: new Map(delta.caches.map(([name, memory]) => [name, memory ?? before!.caches.get(name)!])),
    stageMemories: new Map(
      delta.stageMemories.map(([id, memory]) => [id, memory ?? before!.stageMemories.get(id)])
    ),
    plugins: delta.plugins ?? before?.plugins ?? [],
    ports: delta.ports,
    redis: delta.redis
  }
}

function samePlan(old: PoolPlan, plan: PoolPlan): boolean {
  const [was, is] = [old.slots, plan.slots]
  return (
    was.pool === is.pool &&
    was.tree === is.tree &&
    was.backends.length === is.backends.length &&
    was.backends.every((slot, i) => slot === is.backends[i]) &&
    same(old.tls, plan.tls) &&
    samePool(old.config, plan.config)
  )
}

function reuse<T extends object>(before: T | undefined, next: T): T {
  return before !== undefined && same(before, next) ? before : next
}
