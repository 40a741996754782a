import type { Pool } from '../../balancer/pool/pool.ts'
import type { L4ListenerConfig } from '../../config/model/model.ts'
import type { L4Deps } from '../../l4/deps.ts'
import { L4Engine } from '../../l4/tcp/l4-engine.ts'
import { buildL4Snapshot } from '../../l4/l4-snapshot.ts'
import { UdpEngine } from '../../l4/udp/udp-engine.ts'
import { buildUdpSnapshot } from '../../l4/udp/udp-snapshot.ts'
import type { ListenerTlsMaterial } from '../../net/tls/listener-tls.ts'
import type { UpstreamTlsMaterial } from '../../net/tls/upstream-tls.ts'
import type { ListenerEngine, PreparedListener } from './listener-engine.ts'
import type { PlaneSnapshot } from './plane-snapshot.ts'

/** Creates the L4 engines of one thread. */
export class L4Listeners {
  readonly #deps: L4Deps

  constructor(deps: L4Deps) {
    this.#deps = deps
  }

  prepare(
    config: L4ListenerConfig,
    listener: ListenerTlsMaterial | undefined,
    { pools: plans }: PlaneSnapshot,
    pools: ReadonlyMap<string, Pool>,
    running: ListenerEngine | undefined
  ): PreparedListener {
    if (config.protocol === 'udp') return this.#prepareUdp(config, pools, running)
    const tls = new Map<string, UpstreamTlsMaterial>()
    for (const [name, plan] of plans) if (plan.tls !== undefined) tls.set(name, plan.tls)
    const material = { pools: tls, ...(listener !== undefined && { listener }) }
    const snapshot = buildL4Snapshot(config, pools, material, this.#deps)
    if (running instanceof L4Engine) return { engine: running, commit: () => running.apply(snapshot) }
    return { engine: new L4Engine(this.#deps, snapshot), commit: () => {} }
  }

  #prepareUdp(
    config: L4ListenerConfig,
    pools: ReadonlyMap<string, Pool>,
    running: ListenerEngine | undefined
  ): PreparedListener {
    const snapshot = buildUdpSnapshot(config, pools, this.#deps)
    if (running instanceof UdpEngine) return { engine: running, commit: () => running.apply(snapshot) }
    return { engine: new UdpEngine(this.#deps, snapshot), commit: () => {} }
  }
}
