import t from 'tap'
import * as at from '../../src/balancer/table/columns.ts'
import { Pool } from '../../src/balancer/pool/pool.ts'
import { SlotRegistry } from '../../src/balancer/table/slot-registry.ts'
import { BackendTable } from '../../src/balancer/table/table.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import { seededRandom } from '../../src/core/random.ts'
import { backendConfig, many, poolConfig } from './fixtures.ts'

function registry(capacity = 8) {
  const table = BackendTable.create({ capacity, poolCapacity: 4, shared: false })
  return { table, registry: new SlotRegistry(table, new FakeClock()) }
}

t.test('a backend keeps its row for as long as pool, name and address are the same', async (t) => {
  const { registry: rows } = registry()
  const first = rows.assign([poolConfig({ backends: many(3) })]).web!
  const second = rows.assign([poolConfig({ backends: many(3).reverse() })]).web!
  t.same(second.backends, first.backends.toReversed())
  t.equal(second.pool, first.pool)
  const address = { kind: 'tcp', host: '10.0.0.9', port: 80, text: '10.0.0.9:80' } as const
  const moved = rows.assign([poolConfig({ backends: [backendConfig('b0', { address })] })]).web!
  t.notOk(first.backends.includes(moved.backends[0]!))
  const other = rows.assign([poolConfig({ name: 'api', backends: many(1) })]).api!
  t.notOk(first.backends.includes(other.backends[0]!))
  t.not(other.pool, first.pool)
})

t.test('rows are freed on request, but not while something is open there', async (t) => {
  const { registry: rows, table } = registry(4)
  const config = poolConfig({ backends: many(3) })
  const slots = rows.assign([config]).web!
  const pool = new Pool({ config, slots, table, clock: new FakeClock(), random: seededRandom(1) })
  const lease = pool.acquire({})!
  const kept = poolConfig({ backends: many(3).slice(1) })
  t.equal(rows.retain([kept]), 1, 'still open')
  lease.release('ok')
  t.equal(rows.retain([kept]), 0)
  t.equal(rows.size, 2)
  const next = rows.assign([poolConfig({ backends: [backendConfig('new')] })]).web!
  t.equal(next.backends[0], slots.backends[0], 'used again')
  t.equal(table.total(next.backends[0]!, at.REQUESTS), 0, 'from zero')
})

t.test('a lease that an old snapshot takes on a freed row is given back there, whoever comes next', async (t) => {
  const { registry: rows, table } = registry(4)
  const config = poolConfig({ backends: many(2) })
  const slots = rows.assign([config]).web!
  const old = new Pool({ config, slots, table, clock: new FakeClock(), random: seededRandom(1) })
  rows.retain([])
  const leases = [old.acquire({})!, old.acquire({})!]
  const open = new Set(leases.map(({ backend }) => backend.slot))
  const next = poolConfig({ backends: [backendConfig('new'), backendConfig('newer')] })
  for (const slot of rows.assign([next]).web!.backends) t.notOk(open.has(slot), 'not while something is open there')
  for (const lease of leases) lease.release('ok')
  for (let slot = 0; slot < 4; slot++) t.equal(table.int(slot, at.ACTIVE), 0)
  const last = rows.assign([{ ...next, backends: [...next.backends, backendConfig('last')] }]).web!
  t.ok(open.has(last.backends[2]!), 'used again')
}) // prettier-ignore

t.test('rows that are free for longest are used first', async (t) => {
  const { registry: rows } = registry(8)
  const [first] = rows.assign([poolConfig({ backends: many(4) })]).web!.backends
  rows.retain([poolConfig({ backends: many(4).slice(1) })])
  rows.retain([])
  t.equal(rows.assign([poolConfig({ backends: [backendConfig('new')] })]).web!.backends[0], first)
})

t.test('more backends than the table holds are refused with a word on it', async (t) => {
  t.throws(() => registry(4).registry.assign([poolConfig({ backends: many(5) })]), /more than 4 backends/)
})

t.test('one load tree serves as long as the members are the same', async (t) => {
  const { registry: rows } = registry()
  const config = poolConfig({ algorithm: 'least-connections', backends: many(3) })
  const first = rows.assign([config]).web!.tree
  t.equal(rows.assign([{ ...config, slowStartMs: 5 }]).web!.tree, first)
  t.not(rows.assign([{ ...config, backends: many(4) }]).web!.tree, first)
})

t.test('leases of an older snapshot count in the next one, whose members differ', async (t) => {
  const { registry: rows, table } = registry()
  const clock = new FakeClock()
  const poolOf = (count: number) => {
    const config = poolConfig({ algorithm: 'least-connections', backends: many(count) })
    return new Pool({ config, slots: rows.assign([config]).web!, table, clock, random: seededRandom(1) })
  }
  const old = poolOf(2)
  const leases = Array.from({ length: 6 }, () => old.acquire({})!)
  const next = poolOf(3)
  t.same(
    Array.from({ length: 3 }, () => next.acquire({})!.backend.name),
    ['b2', 'b2', 'b2']
  )
  for (const lease of leases.filter(({ backend }) => backend.name === 'b0')) lease.release('ok')
  t.equal(next.acquire({})!.backend.name, 'b0', 'it heard of the releases')
})

t.test('from snapshot to snapshot a backend that stays is the same object, wherever it stands', async (t) => {
  const { registry: rows, table } = registry()
  const clock = new FakeClock()
  const poolOf = (backends: ReturnType<typeof many>, before?: Pool) => {
    const config = poolConfig({ backends, sticky: { kind: 'names', cookie: 'lb' } as never })
    const slots = rows.assign([config]).web!
    return new Pool({ config, slots, table, clock, random: seededRandom(1), before })
  }
  const list = many(4)
  const first = poolOf(list)
  const second = poolOf([list[3]!, backendConfig('new'), { ...list[1]!, weight: 7 }, list[0]!], first)
  t.equal(second.backends[0], first.backends[3])
  t.equal(second.backends[3], first.backends[0])
  t.not(second.backends[2], first.backends[1], 'its weight is another')
  t.equal(second.backends[2]!.weight, 7)
  t.equal(second.backends[2]!.slot, first.backends[1]!.slot)
  t.same(
    second.backends.map(({ name }) => name),
    ['b3', 'new', 'b1', 'b0']
  )
  for (const [pool, names] of [
    [first, ['b0', 'b1', 'b2', 'b3']],
    [second, ['b3', 'new', 'b1', 'b0']]
  ] as const)
    for (const sticky of names) {
      const lease = pool.acquire({ sticky })!
      t.equal(lease.backend.name, sticky)
      t.equal(pool.backends[lease.position], lease.backend)
      t.equal(lease.backend.active, 1)
      lease.release('ok')
      t.equal(lease.backend.active, 0)
    }
  t.equal(first.byName('b3'), second.byName('b3'))
  t.equal(second.byName('b2'), undefined)
  // Its row was given to another meanwhile: it is another backend.
  const kept = new Map(Object.entries(rows.assign([second.config])))
  const slots = { ...kept.get('web')!, backends: kept.get('web')!.backends.with(0, 7) }
  const moved = new Pool({
    config: second.config,
    slots,
    table,
    clock,
    random: seededRandom(1),
    before: second
  })
  t.not(moved.backends[0], second.backends[0])
  t.equal(moved.backends[0]!.slot, 7)
  t.equal(moved.backends[1], second.backends[1])
})
