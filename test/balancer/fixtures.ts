import { Pool, type PoolDeps } from '../../src/balancer/pool/pool.ts'
import { SlotRegistry } from '../../src/balancer/table/slot-registry.ts'
import { BackendTable, type TableSize } from '../../src/balancer/table/table.ts'
import type { BackendConfig, PoolConfig } from '../../src/config/model/model.ts'
import type { Clock } from '../../src/core/clock.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import { seededRandom } from '../../src/core/random.ts'

export function backendConfig(name: string, over: Partial<BackendConfig> = {}): BackendConfig {
  const address = { kind: 'tcp', host: '127.0.0.1', port: 80, text: `${name}:80` } as const
  return { name, address, weight: 1, backup: false, ...over }
}

/** `{ a: 5, b: 1 }`: names and weights. */
export function weighted(weights: Record<string, number>): BackendConfig[] {
  return Object.entries(weights).map(([name, weight]) => backendConfig(name, { weight }))
}

export function many(
  count: number,
  over: (i: number) => Partial<BackendConfig> = () => ({})
): BackendConfig[] {
  return Array.from({ length: count }, (_, i) => backendConfig(`b${i}`, over(i)))
}

export function poolConfig(over: Partial<PoolConfig> = {}): PoolConfig {
  return {
    name: 'web',
    algorithm: 'round-robin',
    hash: { key: { kind: 'client-ip' } },
    backends: weighted({ a: 1, b: 1, c: 1 }),
    protocol: 'http1',
    breaker: { enabled: true, failures: 5, openMs: 10_000, maxOpenMs: 60_000, statuses: [] },
    retry: { attempts: 2, budget: 0.2, on: [], when: 'idempotent', nonIdempotent: false },
    queue: { max: 0, timeoutMs: 1000 },
    slowStartMs: 0,
    panicThreshold: 0,
    connections: { maxIdle: 64, pipelining: 1 },
    timeouts: { connectMs: 3000, responseMs: 30_000, idleMs: 60_000, keepAliveMs: 55_000 },
    onDown: 'keep',
    onUp: 'keep',
    onRemoved: 'keep',
    ...over
  }
}

export interface Rig {
  readonly pool: Pool
  readonly clock: FakeClock
  readonly table: BackendTable
  readonly registry: SlotRegistry
}

/** A pool over a table of one thread, with a fake clock and a seeded chance. */
export function rig(
  over: Partial<PoolConfig> = {},
  deps: Partial<Omit<PoolDeps, 'config'>> & { seed?: number; size?: TableSize } = {}
): Rig {
  const clock = (deps.clock as FakeClock | undefined) ?? new FakeClock()
  const config = poolConfig(over)
  const table =
    deps.table ??
    BackendTable.create({
      capacity: config.backends.length + 64,
      poolCapacity: 8,
      shared: false,
      ...deps.size
    })
  const registry = new SlotRegistry(table, clock)
  const slots = registry.assign([config])[config.name]!
  const pool = new Pool({
    slots,
    random: seededRandom(deps.seed ?? 1),
    ...deps,
    config,
    table,
    clock: clock as Clock
  })
  return { pool, clock, table, registry }
}

/** Names of the next `count` picks, each released at once. */
export function picks(pool: Pool, count: number): string[] {
  return Array.from({ length: count }, () => {
    const lease = pool.acquire({})
    lease?.release('ok')
    return lease?.backend.name ?? '-'
  })
}
