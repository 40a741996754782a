import { own } from '../../core/own.ts'
import type { Pool } from '../../balancer/pool/pool.ts'
import type { SlotRegistry } from '../../balancer/table/slot-registry.ts'
import type { Bind } from '../../config/model/bind.ts'
import type { Config, LogLevel, PoolConfig } from '../../config/model/model.ts'
import type { ConfiguredMemory } from '../memory/configured-memory.ts'
import { describeDiff, diffConfigs, isEmpty } from './reload/diff.ts'
import { makePool, type PoolDeps } from '../plane/make-pool.ts'
import type { HeldCertificate } from '../certificates/certificate-watch.ts'
import { MaterialReader, type MaterialDeps, type ReadMaterial } from './reload/material.ts'
import type { ListenerConnections } from '../workers/messages.ts'
import type { Planes } from '../workers/planes.ts'
import { overlaps, probeBind } from '../plane/sockets/probe-bind.ts'
import { bindsOf, cededByAdmin, cededToAdmin, OwnAddresses } from './reload/own-addresses.ts'
import { LateEdge } from './reload/late-edge.ts'
import { SerialQueue } from './reload/serial-queue.ts'
import {
  bindKey,
  makePlaneSnapshot,
  redisPlan,
  type Material,
  type PlaneSnapshot
} from '../plane/plane-snapshot.ts'
import { giveSocketAccess } from '../plane/sockets/unix-access.ts'
import { bindError } from './start-error.ts'

export interface ControllerDeps extends PoolDeps, MaterialDeps {
  readonly slots: SlotRegistry
  readonly planes: Planes
  /** Overrides that of the configuration. */
  readonly logLevel: LogLevel | undefined
  readonly memory: ConfiguredMemory
  /** Changes the admin listener. Rejects when that fails; then it is as before. */
  readonly edge: (config: Config) => Promise<void>
  /** The admin listener closes these addresses at once. */
  readonly leaveEdge: (binds: readonly Bind[]) => void
  /** Called after every change. */
  readonly onApplied: (config: Config, pools: ReadonlyMap<string, Pool>) => void
}

export interface ApplyReport {
  readonly changed: boolean
  readonly lines: readonly string[]
}

/** Rows of removed backends are freed after this time, when nothing picks with an old snapshot any more. */
const FREE_ROWS_AFTER_MS = 5_000

/** The configuration in force, and the transition to the next: all planes change, or none does. */
export class Controller {
  readonly #deps: ControllerDeps
  readonly #changes = new SerialQueue()
  readonly #material: MaterialReader
  readonly #addresses: OwnAddresses
  readonly #lateEdge: LateEdge
  #config: Config | undefined
  #certificates: readonly HeldCertificate[] | undefined
  #snapshot: PlaneSnapshot | undefined
  #pools: ReadonlyMap<string, Pool> = new Map()
  #ports: Readonly<Record<string, number>> = {}
  #snapshots = 0
  #loadedAt = 0
  /** Pools of earlier configurations, which may still be in use. */
  #replaced: { readonly at: number; readonly pools: ReadonlyMap<string, Pool> }[] = []
  /** Pools of the change that is under way: they have their rows, and nobody else knows of them yet. */
  #making: readonly PoolConfig[] = []
  #cancelFree: (() => void) | undefined

  constructor(deps: ControllerDeps) {
    this.#deps = deps
    this.#material = new MaterialReader(deps)
    this.#addresses = new OwnAddresses(deps.clock)
    this.#lateEdge = new LateEdge(deps.clock, deps.log)
  }

  /** The configuration in force. */
  get config(): Config {
    return this.#config!
  }

  /** The main thread's own view of the pools, for probes, metrics and the operator. */
  get pools(): ReadonlyMap<string, Pool> {
    return this.#pools
  }

  /** Ports chosen for binds to port 0, by bind key. */
  /** Shared memory of the stages in force. */
  get stageMemories(): PlaneSnapshot['stageMemories'] {
    return this.#snapshot!.stageMemories
  }

  get ports(): Readonly<Record<string, number>> {
    return this.#ports
  }

  /** Certificates of the listeners. */
  get certificates(): readonly HeldCertificate[] {
    return this.#certificates ?? []
  }

  /** Wall clock of the last change. */
  get loadedAt(): number {
    return this.#loadedAt
  }

  /** Rejects with a StartError when a new address cannot be bound. */
  async plan(next: Config): Promise<ApplyReport> {
    const diff = diffConfigs(this.config, next)
    await this.#probeBinds(next)
    return { changed: !isEmpty(diff), lines: describeDiff(diff) }
  }

  /**
   * Builds, binds, swaps. Rejects with a StartError on failure; then nothing has changed. Unless `strict`, files of TLS
   * that are wrong now, and were right before, are no failure.
   */
  async apply(next: Config, strict = true): Promise<ApplyReport> {
    const leave = await this.#changes.enter()
    try {
      const diff = this.#config === undefined ? undefined : diffConfigs(this.#config, next)
      const now = this.#deps.clock.wall()
      const material = await this.#material.read(next, this.#certificates, now, strict)
      const renewed = this.#renewed(material)
      if (diff !== undefined && isEmpty(diff) && renewed.length === 0) {
        this.#loadedAt = this.#deps.clock.wall()
        return { changed: false, lines: ['nothing changed', ...describeDiff(diff).filter(needsRestart)] }
      }
      const kept = await this.#changeOrRestore(this.#merge(next), material)
      const connections = new Map(kept.map((part) => [part.listener, part.connections]))
      return {
        changed: true,
        lines:
          diff === undefined ? [] : [...describeDiff(diff, connections), ...renewed, ...this.#lateEdge.lines]
      }
    } finally {
      this.#making = []
      leave()
    }
  }

  close(): void {
    this.#cancelFree?.()
    this.#lateEdge.cancel()
    this.#deps.memory.close()
  }

  async #changeOrRestore(next: Config, material: ReadMaterial): Promise<readonly ListenerConnections[]> {
    const before = this.#config
    const ceded = before === undefined ? [] : cededByAdmin(before, next)
    if (ceded.length > 0) this.#deps.leaveEdge(ceded)
    try {
      return await this.#change(next, material)
    } catch (error) {
      if (ceded.length > 0 && this.#config === before) await this.#deps.edge(before!)
      throw error
    }
  }

  async #change(next: Config, material: ReadMaterial): Promise<readonly ListenerConnections[]> {
    const { slots, planes, clock } = this.#deps
    await this.#probeBinds(next)
    // On failure, rows assigned here become free at the next change: nothing uses them.
    this.#making = Object.values(next.pools)
    const memory = this.#deps.memory.prepare(next, redisPlan(next, material))
    const parts = {
      id: ++this.#snapshots,
      config: next,
      logLevel: this.#deps.logLevel ?? next.log.level,
      material,
      slots: slots.assign(this.#making),
      ports: this.#ports,
      caches: memory.caches,
      stageMemories: memory.stageMemories
    }
    const snapshot = makePlaneSnapshot(parts, this.#snapshot)
    const taken = await planes.prepare(snapshot)
    try {
      giveSocketAccess(next)
    } catch (error) {
      planes.abort()
      throw error
    }
    const ports = this.#portsOf(next, taken)
    // At the first start the admin listener comes last, when it can answer.
    const before = this.#config
    const late = before === undefined ? bindsOf(next) : cededToAdmin(before, next)
    const edgeLast = before === undefined || late.length > 0
    if (!edgeLast) await this.#edgeOrAbort(next)
    const kept = await planes.commit()
    memory.commit()
    this.#config = next
    this.#lateEdge.cancel()
    this.#certificates = material.certificates
    this.#snapshot = { ...snapshot, ports }
    this.#ports = ports
    this.#loadedAt = clock.wall()
    this.#replaced.push({ at: clock.now(), pools: this.#pools })
    this.#pools = this.#ownPools(snapshot)
    this.#deps.onApplied(next, this.#pools)
    this.#freeRowsLater()
    if (before !== undefined) this.#addresses.changed(before, next)
    const edge = () => this.#addresses.taking(late, () => this.#deps.edge(next))
    if (before === undefined) await edge()
    else if (edgeLast) await this.#lateEdge.open(edge, () => this.#inTurn(next, edge))
    return kept
  }

  /** Does not run while the configuration changes, nor for one that is no longer in force. */
  async #inTurn(config: Config, run: () => Promise<void>): Promise<void> {
    const leave = await this.#changes.enter()
    try {
      if (this.#config === config) await run()
    } finally {
      leave()
    }
  }

  async #edgeOrAbort(next: Config): Promise<void> {
    try {
      await this.#addresses.taking(next.admin?.binds ?? [], () => this.#deps.edge(next))
    } catch (error) {
      this.#deps.planes.abort()
      throw error
    }
  }

  /** Ports that are kept, and new ones; those of removed listeners are dropped. */
  #portsOf(next: Config, taken: Readonly<Record<string, number>>): Record<string, number> {
    const known = { ...this.#ports, ...taken }
    const keys = next.listeners.flatMap((one) => one.binds.map((bind, i) => bindKey(one, bind, i)))
    return Object.fromEntries(keys.flatMap((key) => (Object.hasOwn(known, key) ? [[key, known[key]!]] : [])))
  }

  /** Certificates that differ from those in force under the same paths. */
  #renewed({ listeners, pools, redis }: Material): string[] {
    const snapshot = this.#snapshot
    if (snapshot === undefined) return []
    const differs = (a: unknown, b: unknown) =>
      a !== undefined && b !== undefined && JSON.stringify(a) !== JSON.stringify(b)
    return [
      ...snapshot.listeners
        .filter(({ config, tls }) => differs(tls, own(listeners, config.name)))
        .map(({ config }) => `listener ${config.name}: certificates renewed`),
      ...[...snapshot.pools]
        .filter(([name, { tls }]) => differs(tls, own(pools, name)))
        .map(([name]) => `pool ${name}: certificates renewed`),
      ...(differs(snapshot.redis?.tls, redis) ? ['redis: certificates renewed'] : [])
    ]
  }

  /** Settings that only a restart can change keep their values, also in the admin API. */
  #merge(next: Config): Config {
    const before = this.#config
    if (before === undefined) return next
    const { user: _, ...rest } = next
    return { ...rest, workers: before.workers, ...(before.user !== undefined && { user: before.user }) }
  }

  async #probeBinds(next: Config): Promise<void> {
    const ours = this.#config === undefined ? [] : bindsOf(this.#config)
    for (const [index, listener] of next.listeners.entries()) {
      // UDP sockets are bound in the main thread, so that is where a conflict shows.
      if (listener.mode === 'l4' && listener.protocol === 'udp') continue
      for (const bind of listener.binds) {
        if (overlaps(bind, ours)) continue
        const probed = this.#addresses.taking([bind], () => probeBind(bind))
        await probed.catch((error: NodeJS.ErrnoException) => {
          throw bindError(error, bind.text, `listeners[${index}].bind`, listener.name)
        })
      }
    }
  }

  #ownPools(snapshot: PlaneSnapshot): Map<string, Pool> {
    const pools = new Map<string, Pool>()
    for (const [name, plan] of snapshot.pools) {
      const own = this.#pools.get(name)
      pools.set(name, own?.config === plan.config ? own : makePool(plan, this.#deps, own))
    }
    return pools
  }

  /** Not postponed by later changes: with a change every few seconds the rows would run out. */
  #freeRowsLater(): void {
    this.#cancelFree ??= this.#deps.clock.after(FREE_ROWS_AFTER_MS, () => {
      this.#cancelFree = undefined
      const now = this.#deps.clock.now()
      this.#replaced = this.#replaced.filter(({ at }) => now - at < FREE_ROWS_AFTER_MS)
      const used = [...this.#replaced.flatMap(({ pools }) => [...pools.values()]), ...this.#pools.values()]
      const left = this.#deps.slots.retain([...used.map(({ config }) => config), ...this.#making])
      if (left > 0 || this.#replaced.length > 0) this.#freeRowsLater()
    })
  }
}

function needsRestart(line: string): boolean {
  return line.includes('needs a restart')
}
