import { bareRecord } from '../../core/own.ts'
import type { Pool } from '../../balancer/pool/pool.ts'
import type { ListenerConfig } from '../../config/model/model.ts'
import type { ChangeEvent } from '../../balancer/pool/states.ts'
import type { BackendTable } from '../../balancer/table/table.ts'
import type { Clock } from '../../core/clock.ts'
import { nextTurn } from '../../core/containment.ts'
import type { Logger } from '../../core/log/log.ts'
import { useLogFiles } from '../../core/log/log-file.ts'
import type { Metrics } from '../../core/metrics/metrics.ts'
import type { Random } from '../../core/random.ts'
import { fits, type GivenSockets } from './sockets/bound.ts'
import { ThreadSockets, type FreshSockets } from './sockets/thread-sockets.ts'
import { breathe, inPieces } from './breathe.ts'
import type { BackendFate, ListenerEngine, ListenerEngines, PreparedListener } from './listener-engine.ts'
import { makePool } from './make-pool.ts'
import type { ListenerConnections } from '../workers/messages.ts'
import type { ListenerPlan, PoolPlan, PlaneSnapshot } from './plane-snapshot.ts'
import { sameReach } from './same.ts'
import { renamedListeners } from './renamed-listeners.ts'

export interface DataPlaneDeps {
  readonly table: BackendTable
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  readonly metrics: Metrics
  readonly engines: ListenerEngines
  readonly onChange: (event: ChangeEvent) => void
  /**
   * True for the one thread that serves addresses that cannot be shared: unix sockets, and all addresses without
   * reusePort.
   */
  readonly servesUnshared: boolean
}

interface Prepared {
  readonly snapshot: PlaneSnapshot
  readonly pools: ReadonlyMap<string, Pool>
  readonly plans: ReadonlyMap<Pool, PoolPlan>
  readonly engines: ReadonlyMap<string, PreparedListener>
  /** Sockets bound for this snapshot only. */
  readonly sockets: FreshSockets
}

const DRAIN_POLL_MS = 20
/** Where nobody waits for the end. */
const RENAMED_POLL_MS = 1_000
/** Backends built in one piece: 0.5 ms. */
const BREATHE_AFTER = 500
/**
 * Pools with at least this many backends are prepared for their first pick, which would take up to 40 ms where keys are
 * hashed.
 */
const PREPARED_FROM = 256

/**
 * The data plane of one thread: the same in every worker, and in the main thread with `workers: 0`. A snapshot comes in
 * two steps: `prepare` builds and binds everything and may fail without effect; `commit` swaps and cannot fail.
 */
export class DataPlane {
  readonly #deps: DataPlaneDeps
  #snapshot: PlaneSnapshot | undefined
  #pools: ReadonlyMap<string, Pool> = new Map()
  #plans: ReadonlyMap<Pool, PoolPlan> = new Map()
  #engines = new Map<string, ListenerEngine>()
  readonly #sockets: ThreadSockets
  /** Engines of removed listeners, until their connections have ended. */
  readonly #draining = new Map<ListenerEngine, string>()
  #prepared: Prepared | undefined
  #stopping = false

  constructor(deps: DataPlaneDeps) {
    this.#deps = deps
    this.#sockets = new ThreadSockets(deps)
  }

  get snapshot(): PlaneSnapshot | undefined {
    return this.#snapshot
  }

  /** Builds, and binds where `given` has no socket. Returns the ports chosen for binds to port 0, by bind key. */
  async prepare(snapshot: PlaneSnapshot, given: GivenSockets = new Map()): Promise<Record<string, number>> {
    const { pools, plans } = await this.#buildPools(snapshot)
    const engines = new Map<string, PreparedListener>()
    const sockets: FreshSockets = new Map()
    try {
      for (const plan of snapshot.listeners) {
        const { name } = plan.config
        engines.set(name, await this.#deps.engines.prepare(plan, snapshot, pools, this.#running(plan)))
        await breathe()
      }
      for (const [index, plan] of snapshot.listeners.entries()) {
        const { engine } = engines.get(plan.config.name)!
        await this.#sockets.open(plan, index, snapshot, engine, sockets, given)
      }
      if (this.#stopping) throw new Error('shutting down')
    } catch (error) {
      this.#undo(engines, sockets)
      throw error
    }
    this.#prepared = { snapshot, pools, plans, engines, sockets }
    const ports = bareRecord<number>()
    for (const [key, socket] of sockets) if (socket.port !== undefined) ports[key] = socket.port
    return ports
  }

  /** Drops the prepared snapshot. */
  abort(): void {
    if (this.#prepared === undefined) return
    this.#undo(this.#prepared.engines, this.#prepared.sockets)
    this.#prepared = undefined
  }

  /** Puts the prepared snapshot in force. */
  commit(): void {
    const prepared = this.#prepared
    if (prepared === undefined) throw new Error('commit without prepare')
    this.#prepared = undefined
    const { snapshot } = prepared
    const before = this.#engines
    const renamed = renamedListeners(configsOf(this.#snapshot), configsOf(snapshot))
    this.#snapshot = snapshot
    // Before anything can ask for a connection: who has waited may be served within this turn.
    this.#deps.engines.use(prepared.pools)
    for (const [name, pool] of this.#pools) {
      const heir = prepared.pools.get(name)
      if (heir !== undefined && heir !== pool) pool.heir = sameReach(pool.config, heir.config) ? heir : null
    }
    this.#pools = prepared.pools
    this.#plans = prepared.plans
    this.#engines = new Map()
    for (const [name, { engine, commit }] of prepared.engines) {
      commit()
      this.#engines.set(name, engine)
    }
    const closing = this.#sockets.commit(prepared.sockets, snapshot, this.#engines)
    const kept = new Set(this.#engines.values())
    for (const [name, engine] of before) {
      if (kept.has(engine)) continue
      // Whoever only gives a listener another name wants to lose no connection by it.
      const graceMs = renamed.has(name) ? Infinity : snapshot.graceMs
      this.#retire(engine, name, closing, graceMs)
    }
    nextTurn(() => {
      if (this.#snapshot === snapshot) this.#deps.engines.retain(snapshot, prepared.pools)
    })
    this.#useLogFiles(snapshot)
  }

  /** A change of a backend that may close its connections. */
  backend(fate: BackendFate, key: string): void {
    if (fate === 'down') this.#deps.engines.backendDown(key)
    for (const engine of [...this.#engines.values(), ...this.#draining.keys()]) {
      if (fate === 'down') engine.backendDown?.(key)
      else engine.closeBackend?.(key)
    }
  }

  /** Accepts for the dead `thread` on the sockets in `given`, until its replacement is there. */
  adopt(thread: number, given: GivenSockets): void {
    if (!this.#stopping) this.#sockets.adopt(thread, given, this.#snapshot, this.#engines)
  }

  release(thread: number): void {
    this.#sockets.release(thread)
  }

  connections(): ListenerConnections[] {
    const now = this.#deps.clock.now()
    const describe = (listener: string, engine: ListenerEngine, draining: boolean) => ({
      listener,
      connections: engine.connections,
      oldestMs: engine.oldestMs(now),
      draining
    })
    return [
      ...[...this.#engines].map(([name, engine]) => describe(name, engine, this.#stopping)),
      ...[...this.#draining].map(([engine, name]) => describe(name, engine, true))
    ]
  }

  /**
   * Stops accepting, lets connections finish for `graceMs`, then closes them. Resolves with the number closed at the
   * end.
   */
  async drain(graceMs: number): Promise<number> {
    this.#stopping = true
    this.abort()
    const deadline = this.#deps.clock.now() + graceMs
    await this.#sockets.close()
    for (const engine of this.#engines.values()) engine.drain()
    const engines = [...this.#engines.values(), ...this.#draining.keys()]
    await this.#emptied(engines, deadline)
    const cut = count(engines)
    this.destroy()
    return cut
  }

  /** Closes everything now. */
  destroy(): void {
    this.#stopping = true
    this.abort()
    this.#sockets.destroy()
    for (const engine of this.#engines.values()) engine.destroy()
    for (const engine of this.#draining.keys()) engine.destroy()
    this.#draining.clear()
    this.#deps.engines.close()
    this.#useLogFiles(undefined)
  }

  #useLogFiles(snapshot: PlaneSnapshot | undefined): void {
    const paths = (snapshot?.listeners ?? []).flatMap(({ config }) => config.accessLog.file ?? [])
    useLogFiles(this, new Set(paths), snapshot === undefined)
  }

  /** A pool whose plan did not change stays the same object, with its view, queue and load tree. */
  async #buildPools(snapshot: PlaneSnapshot): Promise<Pick<Prepared, 'pools' | 'plans'>> {
    const pools = new Map<string, Pool>()
    const plans = new Map<Pool, PoolPlan>()
    let built = 0
    for (const [name, plan] of snapshot.pools) {
      const running = this.#pools.get(name)
      const pool =
        running !== undefined && this.#plans.get(running) === plan
          ? running
          : makePool(plan, this.#deps, running)
      pools.set(name, pool)
      plans.set(pool, plan)
      if (pool === running) continue
      if (pool.backends.length >= PREPARED_FROM) await inPieces(pool.prepare())
      built += pool.backends.length
      if (built < BREATHE_AFTER) continue
      built = 0
      await breathe()
    }
    await breathe()
    return { pools, plans }
  }

  /** The engine that takes over this listener; it must be of the same mode. */
  #running({ config }: ListenerPlan): ListenerEngine | undefined {
    const before = this.#snapshot?.listeners.find((plan) => plan.config.name === config.name)
    const engine = this.#engines.get(config.name)
    return before?.config.mode === config.mode && fits(engine, config) ? engine : undefined
  }

  /** Drains the engine of a removed listener, once its sockets have accepted their last connections. */
  #retire(engine: ListenerEngine, name: string, closing: Promise<unknown>, graceMs: number): void {
    this.#draining.set(engine, name)
    const deadline = this.#deps.clock.now() + graceMs
    const finish = async () => {
      await closing
      engine.drain()
      await this.#emptied([engine], deadline)
      if (engine.connections > 0) {
        this.#deps.log.warn({ listener: name, connections: engine.connections }, 'removed listener cut')
      }
      engine.destroy()
      this.#draining.delete(engine)
    }
    finish().catch((error: unknown) => this.#deps.log.error({ listener: name, err: error }, 'drain failed'))
  }

  async #emptied(engines: readonly ListenerEngine[], deadline: number): Promise<void> {
    while (count(engines) > 0 && this.#deps.clock.now() < deadline) {
      // Not the clock's timer, which does not keep the process alive: with `workers: 0` nothing else may.
      await new Promise((resolve) =>
        setTimeout(resolve, deadline === Infinity ? RENAMED_POLL_MS : DRAIN_POLL_MS)
      )
    }
  }

  #undo(engines: ReadonlyMap<string, PreparedListener>, sockets: FreshSockets): void {
    for (const socket of sockets.values()) socket.destroy()
    const running = new Set(this.#engines.values())
    for (const { engine } of engines.values()) if (!running.has(engine)) engine.destroy()
    this.#useLogFiles(this.#snapshot)
  }
}

function configsOf(snapshot: PlaneSnapshot | undefined): ListenerConfig[] {
  return (snapshot?.listeners ?? []).map(({ config }) => config)
}

function count(engines: readonly ListenerEngine[]): number {
  return engines.reduce((sum, engine) => sum + engine.connections, 0)
}
