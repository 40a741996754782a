import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import { Pool } from '../../src/balancer/pool/pool.ts'
import { SlotRegistry } from '../../src/balancer/table/slot-registry.ts'
import { BackendTable } from '../../src/balancer/table/table.ts'
import { configFromObject } from '../../src/config/parse-config.ts'
import type { Config, L4ListenerConfig } from '../../src/config/model/model.ts'
import { systemClock, type Clock } from '../../src/core/clock.ts'
import { Deadlines } from '../../src/core/deadlines.ts'
import type { LogLevel } from '../../src/core/log/log.ts'
import { memoryLogger, type LoggedLine } from '../fakes/memory-logger.ts'
import { Metrics } from '../../src/core/metrics/metrics.ts'
import { MetricsHub } from '../../src/core/metrics/hub.ts'
import { seededRandom } from '../../src/core/random.ts'
import type { L4Deps } from '../../src/l4/deps.ts'
import { L4Engine } from '../../src/l4/tcp/l4-engine.ts'
import { buildL4Snapshot, type L4Material } from '../../src/l4/l4-snapshot.ts'
import { breakerPolicy } from '../../src/health/breaker.ts'
import { listen } from '../../src/net/transport/accept.ts'
import type { Lookup } from '../../src/net/dial/lookup.ts'
import { TicketKeys } from '../../src/net/tls/ticket-keys.ts'
import { tlsThread } from '../../src/net/tls/tls-thread.ts'
import { SharedCounts } from '../../src/shared/shared-counts.ts'

export interface EngineRig {
  readonly port: number
  readonly engine: L4Engine
  readonly deps: L4Deps
  readonly pools: ReadonlyMap<string, Pool>
  readonly table: BackendTable
  readonly lines: readonly LoggedLine[]
  /** A counter's or gauge's value by its rendered name and labels, 0 when it is not there. */
  metric(series: string): number
  /** New pools and a new snapshot, as after a reload. */
  apply(listener: object, pools: object, material?: L4Material): void
  /** Leases and sockets counted at all backends: zero when nothing leaked. */
  held(): number
}

export interface RigOptions {
  readonly clock?: Clock
  readonly material?: L4Material
  readonly level?: LogLevel
  readonly bind?: { readonly path: string }
  readonly lookup?: Lookup
}

/** An L4 engine on a real port, wired as runtime would wire it, with one thread and no workers. */
export async function engineRig(
  t: Test,
  listener: object,
  pools: object,
  { clock = systemClock, material = {}, level = 'debug', bind, lookup }: RigOptions = {}
): Promise<EngineRig> {
  const table = BackendTable.create({ capacity: 64, poolCapacity: 16, shared: false })
  const registry = new SlotRegistry(table, clock)
  const hub = new MetricsHub()
  const source = hub.attach()
  const log = memoryLogger(level)
  const deadlines = new Deadlines(clock)
  const metrics = new Metrics((announcement) => source.announce(announcement))
  const deps: L4Deps = {
    clock,
    deadlines,
    lookup,
    random: seededRandom(2),
    log,
    metrics,
    tls: tlsThread(deadlines, metrics, TicketKeys.create(false)),
    admission: {
      listeners: SharedCounts.create({ entries: 64, shared: false }),
      clients: SharedCounts.create({ entries: 1024, shared: false })
    }
  }
  const made = new Map<string, Pool>()
  const build = (listener: object, pools: object, material: L4Material) => {
    const config = configOf({ listeners: [{ name: 'tcp', mode: 'l4', bind: ':1', ...listener }], pools })
    const slots = registry.assign(Object.values(config.pools))
    made.clear()
    for (const pool of Object.values(config.pools)) {
      made.set(
        pool.name,
        new Pool({
          config: pool,
          slots: slots[pool.name]!,
          table,
          clock,
          random: seededRandom(1),
          onRelease: breakerPolicy({ config: pool.breaker, slowStartMs: 0, clock })
        })
      )
    }
    return buildL4Snapshot(config.listeners[0] as L4ListenerConfig, made, material, deps)
  }
  const engine = new L4Engine(deps, build(listener, pools, material))
  const server = await listen(
    bind ?? { port: 0, host: '127.0.0.1' },
    (attach) => engine.accept(attach),
    (error) => t.fail(error.message)
  )
  t.teardown(() => {
    server.close()
    engine.destroy()
  })
  return {
    port: bind === undefined ? (server.address() as AddressInfo).port : 0,
    engine,
    deps,
    pools: made,
    table,
    lines: log.lines,
    metric: (series) => {
      deps.metrics.flush()
      const line = hub
        .render()
        .split('\n')
        .find((line) => line.startsWith(`${series} `))
      return line === undefined ? 0 : Number(line.slice(series.length + 1))
    },
    apply: (listener, pools, material = {}) => engine.apply(build(listener, pools, material)),
    held: () =>
      [...made.values()]
        .flatMap((pool) => pool.backends)
        .reduce((sum, { active, open }) => sum + active + open, 0)
  }
}

function configOf(value: object): Config {
  const result = configFromObject(value)
  if (!result.ok) throw new Error(result.problems.map(({ message }) => message).join('\n'))
  return result.config
}
