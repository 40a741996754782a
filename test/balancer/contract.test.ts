import t from 'tap'
import { algorithms } from '../../src/balancer/algorithms.ts'
import * as at from '../../src/balancer/table/columns.ts'
import { mix32 } from '../../src/core/hash-string.ts'
import type { Lease } from '../../src/balancer/pool/lease.ts'
import type { Pool } from '../../src/balancer/pool/pool.ts'
import { PROBE_DOWN } from '../../src/balancer/pool/states.ts'
import type { AlgorithmName } from '../../src/config/model/model.ts'
import { seededRandom } from '../../src/core/random.ts'
import { backendConfig, many, rig } from './fixtures.ts'

// Every algorithm is held to these, over a small pool (searched) and a large one (trees, heaps, long tables).
const names = Object.keys(algorithms) as AlgorithmName[]
/** These have no use for weights. */
const unweighted: AlgorithmName[] = ['round-robin', 'first']

function setDown(pool: Pool, position: number, state = PROBE_DOWN): void {
  const backend = pool.backends[position]!
  Atomics.store(pool.table.ints, backend.slot * at.INTS + at.PROBE, state)
  pool.table.bump(backend.slot)
}

/** Picks with keys and with `held` leases out at a time; calls `seen` for each. */
function drive(pool: Pool, count: number, held: number, seen: (lease: Lease | undefined, i: number) => void) {
  const out: (Lease | undefined)[] = []
  const context = { hash: 0 }
  for (let i = 0; i < count; i++) {
    context.hash = mix32(i + 12345)
    const lease = pool.acquire(context)
    seen(lease, i)
    out.push(lease)
    if (out.length > held) out.shift()?.release('ok', 5)
  }
  for (const lease of out) lease?.release('ok', 5)
}

for (const algorithm of names) {
  t.test(`${algorithm}: only what is available is picked, whatever changes in between`, async (t) => {
    for (const size of [1, 2, 7, 100]) {
      const backends = many(size, (i) => ({
        weight: 1 + (i % 5),
        maxConnections: i % 3 === 0 ? 4 : undefined
      }))
      const { pool } = rig({ algorithm, backends })
      const random = seededRandom(size)
      let wrong = 0
      drive(pool, 5_000, 50, (lease, i) => {
        if (lease !== undefined) {
          const { backend } = lease
          if (backend.probe === 'down' || backend.active > (backend.maxConnections ?? Infinity)) wrong++
        } else if (pool.backends.some((backend) => backend.available)) wrong++
        if (i % 7 === 0) setDown(pool, Math.floor(random() * size), random() < 0.5 ? PROBE_DOWN : 1)
      })
      t.equal(wrong, 0, `${size} backends`)
      t.ok(pool.backends.every((backend) => backend.active === 0))
    }
  })

  t.test(`${algorithm}: what was tried is passed over, and nothing left ends the search`, async (t) => {
    for (const size of [3, 80]) {
      const { pool } = rig({ algorithm, backends: many(size) })
      const tried = []
      for (let i = 0; i < size; i++) {
        const lease = pool.acquire({ hash: 99, tried })
        if (lease === undefined) break
        tried.push(lease.backend)
      }
      t.equal(new Set(tried).size, size)
      t.equal(pool.acquire({ hash: 99, tried }), undefined)
      for (let i = 0; i < size; i++) setDown(pool, i)
      t.equal(pool.acquire({ hash: 99 }), undefined, 'nothing is left')
    }
  })

  t.test(`${algorithm}: a full pool gives nothing, and one place freed is found`, async (t) => {
    for (const size of [3, 80]) {
      const { pool } = rig({ algorithm, backends: many(size, () => ({ maxConnections: 2 })) })
      const leases = Array.from({ length: 2 * size }, (_, i) => pool.acquire({ hash: mix32(i) })!)
      t.equal(leases.includes(undefined as never), false)
      t.equal(pool.acquire({ hash: 1 }), undefined)
      t.equal(pool.saturated, true)
      for (const lease of leases.splice(0, 5)) {
        lease.release('ok')
        t.equal(pool.acquire({ hash: 1 })?.backend, lease.backend)
      }
    }
  })

  if (algorithm !== 'first') {
    t.test(`${algorithm}: 100,000 picks are spread within 1 % of the weights`, async (t) => {
      for (const size of [3, 10, 50]) {
        const weights = Array.from({ length: size }, (_, i) =>
          unweighted.includes(algorithm) ? 1 : 1 + (i % 4)
        )
        const backends = weights.map((weight, i) => backendConfig(`10.0.0.${i}:80`, { weight }))
        const { pool, clock } = rig({ algorithm, backends })
        const total = weights.reduce((sum, weight) => sum + weight, 0)
        const counts = new Array<number>(size).fill(0)
        drive(pool, 100_000, 16 * total, (lease, i) => {
          counts[lease!.position]!++
          if (i % 100 === 0) clock.advance(1)
        })
        const worst = Math.max(...counts.map((count, i) => Math.abs(count / 100_000 - weights[i]! / total)))
        t.ok(worst < 0.01, `${size} backends: off by ${(100 * worst).toFixed(2)} % at most`)
      }
    })
  }

  t.test(`${algorithm}: the same seed gives the same picks`, async (t) => {
    const run = () => {
      const { pool } = rig({ algorithm, backends: many(40, (i) => ({ weight: 1 + i })) }, { seed: 42 })
      const picked: string[] = []
      drive(pool, 500, 20, (lease) => picked.push(lease!.backend.name))
      return picked.join(' ')
    }
    t.equal(run(), run())
  })

  t.test(`${algorithm}: backups serve only when no primary does`, async (t) => {
    const backends = [...many(3), ...many(2, (i) => ({ name: `spare${i}`, backup: true }))]
    const { pool } = rig({ algorithm, backends })
    const used = () => {
      const seen = new Set<boolean>()
      drive(pool, 200, 10, (lease) => seen.add(lease!.backend.backup))
      return [...seen]
    }
    t.same(used(), [false])
    for (const position of [0, 1, 2]) setDown(pool, position)
    t.same(used(), [true])
    setDown(pool, 1, 1)
    t.same(used(), [false])
  })
}
