import { Worker } from 'node:worker_threads'
import t from 'tap'
import * as at from '../../src/balancer/table/columns.ts'
import { Pool } from '../../src/balancer/pool/pool.ts'
import { SlotRegistry } from '../../src/balancer/table/slot-registry.ts'
import { BackendTable } from '../../src/balancer/table/table.ts'
import type { PoolConfig } from '../../src/config/model/model.ts'
import { systemClock } from '../../src/core/clock.ts'
import { seededRandom } from '../../src/core/random.ts'
import { many, poolConfig } from './fixtures.ts'
import type { HammerReport } from './hammer.ts'

/** Two threads pick and release as fast as they can; each reports what it saw. */
async function hammer(config: PoolConfig, picks: number) {
  const main = BackendTable.create({ capacity: 512, poolCapacity: 1, threads: 3 })
  const slots = new SlotRegistry(main, systemClock).assign([config]).web!
  const counters = new Int32Array(new SharedArrayBuffer(config.backends.length * 8))
  const workers = [1, 2].map((thread) => {
    const workerData = { buffers: main.buffers, thread, slots, config, picks, counters }
    return new Worker(new URL('hammer.ts', import.meta.url), { workerData })
  })
  const reports = await Promise.all(
    workers.map(
      (worker) =>
        new Promise<HammerReport>((resolve, reject) => {
          worker.on('message', resolve)
          worker.on('error', reject)
        })
    )
  )
  await Promise.all(workers.map((worker) => worker.terminate()))
  const pool = new Pool({ config, slots, table: main, clock: systemClock, random: seededRandom(1) })
  return { reports, pool, main }
}

for (const algorithm of ['least-connections', 'round-robin'] as const) {
  t.test(
    `${algorithm}: two threads together never pass maxConnections, and counts return to nothing`,
    async (t) => {
      const backends = many(20, (i) => ({ maxConnections: 1 + (i % 4) }))
      const { reports, pool } = await hammer(poolConfig({ algorithm, backends }), 50_000)
      t.same(
        reports.map((report) => report.over),
        [0, 0],
        'as each backend would count'
      )
      t.ok(
        // On a busy machine one may sleep on nearly all places while the other is refused to its end.
        reports.some((report) => report.picked > 1000) && reports.every((report) => report.refused > 0),
        'both met the limit'
      )
      t.ok(pool.backends.every((backend) => backend.active === 0))
      t.equal(pool.table.pools[at.POOL_ACTIVE], 0)
    }
  )
}

t.test('the load tree names a least loaded backend after two threads have fought over it', async (t) => {
  const config = poolConfig({ algorithm: 'least-connections', backends: many(300) })
  const { pool } = await hammer(config, 50_000)
  const leases = Array.from({ length: 900 }, () => pool.acquire({})!)
  t.ok(
    pool.backends.every((backend) => backend.active === 3),
    'nine hundred leases are three each'
  )
  for (const lease of leases) lease.release('ok')
})

t.test('an open breaker lets one trial through over all threads', async (t) => {
  const config = poolConfig({ backends: many(1) })
  for (let round = 0; round < 3; round++) {
    const main = BackendTable.create({ capacity: 1, poolCapacity: 1, threads: 3 })
    const slots = new SlotRegistry(main, systemClock).assign([config]).web!
    main.ints[at.BREAKER] = 1
    main.setFloat(0, at.OPEN_UNTIL, systemClock.now() + 100)
    const counters = new Int32Array(new SharedArrayBuffer(8))
    const workers = [1, 2].map(
      (thread) =>
        new Worker(new URL('hammer.ts', import.meta.url), {
          workerData: { buffers: main.buffers, thread, slots, config, picks: 0, counters }
        })
    )
    const reports = await Promise.all(
      workers.map((worker) => new Promise<HammerReport>((resolve) => worker.on('message', resolve)))
    )
    t.equal(
      reports.reduce((sum, report) => sum + report.picked, 0),
      1
    )
    await Promise.all(workers.map((worker) => worker.terminate()))
  }
})
