import { pathToFileURL } from 'node:url'
import { algorithms } from '../../src/balancer/algorithms.ts'
import { mix32 } from '../../src/core/hash-string.ts'
import type { Lease } from '../../src/balancer/pool/lease.ts'
import type { PickContext } from '../../src/balancer/pool/pick-context.ts'
import { Pool } from '../../src/balancer/pool/pool.ts'
import type { Selector } from '../../src/balancer/selectors/selector.ts'
import { SlotRegistry } from '../../src/balancer/table/slot-registry.ts'
import { BackendTable } from '../../src/balancer/table/table.ts'
import { View } from '../../src/balancer/pool/view.ts'
import type { AlgorithmName, PoolConfig } from '../../src/config/model/model.ts'
import { systemClock } from '../../src/core/clock.ts'
import { systemRandom } from '../../src/core/random.ts'
import { breakerPolicy } from '../../src/health/breaker.ts'

export interface PickResult {
  readonly algorithm: AlgorithmName
  readonly backends: number
  /** Of the selector alone: choosing, with nothing taken. */
  readonly chooseNs: number
  /** Of acquire alone: choose, count, make the lease. */
  readonly pickNs: number
  /** Of acquire and release. */
  readonly cycleNs: number
  /** Of the first pick: view, ring, table, tree. */
  readonly firstMs: number
}

const NAMES = Object.keys(algorithms) as AlgorithmName[]
const SIZES = [3, 300, 30_000]
const BATCH = 64

/**
 * ns per pick of every algorithm at 3, 300 and 30,000 backends, with a batch of leases out at a time; of several runs
 * the best, since what else the machine does can only add. All in one process, so that no algorithm has the engine's
 * guesses to itself.
 */
export function benchPicks({ names = NAMES, sizes = SIZES, rounds = 3_000, runs = 1 } = {}): PickResult[] {
  const results = Array.from({ length: runs }, () =>
    names.flatMap((algorithm) => sizes.map((size) => measure(algorithm, size, rounds)))
  )
  return results[0]!.map((first, cell) => {
    const least = (of: (result: PickResult) => number) => Math.min(...results.map((run) => of(run[cell]!)))
    return {
      ...first,
      chooseNs: least(({ chooseNs }) => chooseNs),
      pickNs: least(({ pickNs }) => pickNs),
      cycleNs: least(({ cycleNs }) => cycleNs),
      firstMs: least(({ firstMs }) => firstMs)
    }
  })
}

function measure(algorithm: AlgorithmName, size: number, rounds: number): PickResult {
  const { pool, choose } = poolOf(algorithm, size)
  const context = { hash: 0 }
  const leases = new Array<Lease | undefined>(BATCH)
  const began = process.hrtime.bigint()
  pool.acquire(context)?.release('ok', 5)
  const firstMs = Number(process.hrtime.bigint() - began) / 1e6

  let key = 0
  let chosen = 0
  const batch = () => {
    const start = process.hrtime.bigint()
    for (let i = 0; i < BATCH; i++) {
      context.hash = mix32(++key)
      leases[i] = pool.acquire(context)
    }
    const picked = process.hrtime.bigint()
    for (let i = 0; i < BATCH; i++) leases[i]!.release('ok', 5)
    const released = process.hrtime.bigint()
    // The leases of the batch have changed what the next choices look at.
    for (let i = 0; i < BATCH; i++) {
      context.hash = mix32(++key)
      chosen += choose(context)
    }
    const ended = process.hrtime.bigint()
    return [picked - start, released - start, ended - released].map((ns) => Number(ns) / BATCH)
  }
  for (let round = 0; round < rounds; round++) batch()
  const samples = Array.from({ length: rounds }, batch)
  if (!(chosen >= 0)) throw new Error(`${algorithm} chose nobody`)
  return {
    algorithm,
    backends: size,
    pickNs: median(samples.map(([pick]) => pick!)),
    cycleNs: median(samples.map(([, cycle]) => cycle!)),
    chooseNs: median(samples.map(([, , choose]) => choose!)),
    firstMs
  }
}

function poolOf(
  algorithm: AlgorithmName,
  size: number
): { pool: Pool; choose: (context: PickContext) => number } {
  const table = BackendTable.create({ capacity: size, poolCapacity: 1 })
  const config = {
    name: 'bench',
    algorithm,
    hash: { key: { kind: 'client-ip' }, boundedLoad: 1.25 },
    backends: Array.from({ length: size }, (_, i) => {
      const text = `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}:80`
      // Weights of 1 to 3, and a limit, as in a real file: the slower case.
      const address = { kind: 'tcp', host: text.slice(0, -3), port: 80, text }
      return { name: text, address, weight: 1 + (i % 3), maxConnections: 10_000, backup: false }
    }),
    queue: { max: 100, timeoutMs: 1000 },
    breaker: { enabled: true, failures: 5, openMs: 10_000, maxOpenMs: 60_000, statuses: [] },
    slowStartMs: 30_000,
    panicThreshold: 0.3
  } as unknown as PoolConfig
  const slots = new SlotRegistry(table, systemClock).assign([config]).bench!
  // As runtime/plane/make-pool.ts: the breaker hears of every release.
  const { breaker, slowStartMs } = config
  const onRelease = breakerPolicy({ config: breaker, slowStartMs, clock: systemClock })
  const pool = new Pool({
    config,
    slots,
    table,
    clock: systemClock,
    random: systemRandom,
    ...(onRelease && { onRelease })
  })
  // A selector of its own over the same tree and counts: as another thread's.
  const view = new View(pool.backends, table, slots.pool, config.panicThreshold, config.slowStartMs)
  view.rebuild(systemClock.now())
  const selector: Selector = algorithms[algorithm]({
    config,
    table,
    pool: slots.pool,
    random: systemRandom,
    tree: slots.tree
  })
  return { pool, choose: (context) => selector.pick(view, context) }
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >> 1]!
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const asked = process.argv.slice(2).filter((arg) => !arg.startsWith('-'))
  const names = NAMES.filter((name) => asked.length === 0 || asked.includes(name))
  const runs = 5
  const results = benchPicks({ names, runs })
  console.log(
    `ns to choose / choose, count and lease / the same with its release; ms of the first; best of ${runs} runs`
  )
  console.log('algorithm'.padEnd(22) + SIZES.map((size) => String(size).padStart(24)).join(''))
  for (const name of new Set(results.map((result) => result.algorithm))) {
    const cells = results
      .filter((result) => result.algorithm === name)
      .map(({ chooseNs, pickNs, cycleNs, firstMs }) =>
        `${[chooseNs, pickNs, cycleNs].map((ns) => ns.toFixed(0)).join(' / ')}; ${firstMs.toFixed(1)}`.padStart(
          24
        )
      )
    console.log(name.padEnd(22) + cells.join(''))
  }
  if (process.argv.includes('--json')) console.log(JSON.stringify(results))
}
