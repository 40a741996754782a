import type { Pool } from '../balancer/pool.ts'
import type { L4ListenerConfig } from '../config/model.ts'
import type { L4Deps } from '../l4/deps.ts'
import { L4Engine } from '../l4/engine.ts'
import { buildL4Snapshot } from '../l4/snapshot.ts'
import type { ListenerTlsMaterial } from '../net/listener-tls.ts'
import type { UpstreamTlsMaterial } from '../net/upstream-tls.ts'
import type { BackendFate, Engine, PreparedEngine } from './engine.ts'
import type { Snapshot } from './snapshot.ts'

/** Makes the L4 engines of one thread. */
export class L4Listeners {
  readonly #deps: L4Deps

  constructor(deps: L4Deps) {
    this.#deps = deps
  }

  prepare(
    config: L4ListenerConfig,
    listener: ListenerTlsMaterial | undefined,
    { pools: plans }: Snapshot,
    pools: ReadonlyMap<string, Pool>,
    running: Engine | undefined
  ): PreparedEngine {
    const tls = new Map<string, UpstreamTlsMaterial>()
    for (const [name, plan] of plans) if (plan.tls !== undefined) tls.set(name, plan.tls)
    const material = { pools: tls, ...(listener !== undefined && { listener }) }
    const snapshot = buildL4Snapshot(config, pools, material, this.#deps)
    if (running instanceof L4Listener) {
      return { engine: running, commit: () => running.engine.apply(snapshot) }
    }
    return { engine: new L4Listener(new L4Engine(this.#deps, snapshot)), commit: () => {} }
  }
}

class L4Listener implements Engine {
  readonly engine: L4Engine
  readonly accept: Engine['accept']

  constructor(engine: L4Engine) {
    this.engine = engine
    this.accept = (attach) => engine.accept(attach)
  }

  drain(): void {
    this.engine.drain()
  }

  destroy(): void {
    this.engine.destroy()
  }

  backend(fate: BackendFate, key: string): void {
    if (fate === 'down') this.engine.backendDown(key)
    else this.engine.closeBackend(key)
  }

  get connections(): number {
    return this.engine.connections
  }

  oldestMs(now: number): number {
    return this.engine.oldestMs(now)
  }
}
