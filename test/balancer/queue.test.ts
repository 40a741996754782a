import t from 'tap'
import type { Lease } from '../../src/balancer/pool/lease.ts'
import { Pool } from '../../src/balancer/pool/pool.ts'
import { SlotRegistry } from '../../src/balancer/table/slot-registry.ts'
import { BackendTable } from '../../src/balancer/table/table.ts'
import { giveBack, passOver } from '../../src/balancer/table/give-back.ts'
import { wakeQueue } from '../../src/balancer/queue/wait-queue.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import { seededRandom } from '../../src/core/random.ts'
import { many, poolConfig } from './fixtures.ts'

const tick = () => new Promise<void>((resolve) => setImmediate(resolve))

/** The same pool as `threads` threads see it, in this one: each has its own table over the same memory. */
function threadsOf(threads: number, max = 3, timeoutMs = 1000, backends = 1) {
  const clock = new FakeClock()
  const config = poolConfig({
    backends: many(backends, () => ({ maxConnections: 1 })),
    queue: { max, timeoutMs }
  })
  const main = BackendTable.create({ capacity: 8, poolCapacity: 2, threads })
  const slots = new SlotRegistry(main, clock).assign([config]).web!
  const tables = Array.from({ length: threads }, (_, i) => BackendTable.attach(main.buffers, i))
  const pools = tables.map((table) => new Pool({ config, slots, table, clock, random: seededRandom(1) }))
  for (const table of tables) {
    table.signals = {
      wake: (thread, pool) => setImmediate(() => wakeQueue(tables[thread]!, pool)),
      shed: () => {},
      freed: () => {}
    }
  }
  const order: string[] = []
  const wait = (pool: Pool, name: string, hold?: (lease: Lease) => void) =>
    pool.enqueue({}, (lease) => {
      order.push(lease === undefined ? `${name} timed out` : name)
      if (lease !== undefined) hold?.(lease)
    })
  return { clock, pools, tables, order, wait, config, slots, main }
}

t.test('waiters are served in the order in which they came', async (t) => {
  const { pools, wait, order } = threadsOf(1)
  const pool = pools[0]!
  let lease = pool.acquire({})!
  for (const name of ['a', 'b', 'c']) wait(pool, name, (given) => (lease = given))
  t.equal(pool.waiting, 3)
  for (let i = 0; i < 3; i++) {
    lease.release('ok')
    await tick()
  }
  t.same(order, ['a', 'b', 'c'])
  t.equal(pool.waiting, 0)
})

t.test(
  'who waits while the configuration changes goes on with the new backends, and holds nobody up',
  async (t) => {
    for (const fits of [true, false]) {
      const { pools, wait, order, clock, main, config } = threadsOf(1)
      const pool = pools[0]!
      pool.acquire({})
      wait(pool, 'before')
      const registry = new SlotRegistry(main, clock)
      registry.assign([config])
      const larger = { ...config, backends: many(3, () => ({ maxConnections: 1 })) }
      const slots = registry.assign([larger]).web!
      const { table } = pool
      const heir = new Pool({ config: larger, slots, table, clock, random: seededRandom(1) })
      pool.heir = fits ? heir : null
      wait(heir, 'after')
      clock.advance(20)
      await tick()
      t.same(order, fits ? ['before', 'after'] : ['after'])
      clock.advance(1_000)
      await tick()
      t.equal(order.at(-1), fits ? 'after' : 'before timed out')
      t.equal(pool.waiting, 0)
    }
  }
)

t.test('the queue is bounded, and leaving makes room', async (t) => {
  const { pools, wait } = threadsOf(1, 2)
  const pool = pools[0]!
  pool.acquire({})
  const first = wait(pool, 'a')!
  t.ok(wait(pool, 'b'))
  t.equal(wait(pool, 'c'), undefined)
  first.cancel()
  first.cancel()
  t.equal(pool.waiting, 1)
  t.ok(wait(pool, 'd'))
})

t.test('a queue of size 0 takes no request', async (t) => {
  const { pools, wait } = threadsOf(1, 0)
  pools[0]!.acquire({})
  t.equal(pools[0]!.saturated, true)
  t.equal(wait(pools[0]!, 'a'), undefined)
})

t.test('who has waited long enough is told so', async (t) => {
  const { pools, wait, order, clock } = threadsOf(1)
  pools[0]!.acquire({})
  wait(pools[0]!, 'a')
  clock.advance(500)
  wait(pools[0]!, 'b')
  clock.advance(520)
  await tick()
  t.same(order, ['a timed out'])
  t.equal(pools[0]!.waiting, 1)
  clock.advance(500)
  await tick()
  t.same(order, ['a timed out', 'b timed out'])
})

t.test('who comes while others wait does not pass them', async (t) => {
  const { pools, wait, order } = threadsOf(2)
  const [one, two] = pools as [Pool, Pool]
  const lease = one.acquire({})!
  wait(one, 'a')
  t.equal(two.acquire({}), undefined)
  lease.release('ok')
  t.equal(two.acquire({}), undefined, 'the place is taken already')
  await tick()
  t.same(order, ['a'])
})

t.test('a thread without waiters serves the oldest waiter of all threads', async (t) => {
  const { pools, wait, order } = threadsOf(3, 10, 1000, 4)
  const [one, two, three] = pools as [Pool, Pool, Pool]
  const leases = Array.from({ length: 4 }, () => three.acquire({})!)
  wait(two, 'a')
  wait(one, 'b')
  wait(two, 'c')
  wait(one, 'd')
  for (const lease of leases) {
    lease.release('ok')
    await tick()
    await tick()
  }
  t.same(order, ['a', 'b', 'c', 'd'])
  t.equal(one.waiting, 0)
})

t.test('no waiter is overtaken, whichever thread frees the place', async (t) => {
  const { pools, order, wait } = threadsOf(2, 200, 60_000, 2)
  const [one, two] = pools as [Pool, Pool]
  const leases = [one.acquire({})!, one.acquire({})!]
  const hold = (lease: Lease) => void leases.push(lease)
  for (let i = 0; i < 100; i++) wait(i % 3 === 0 ? one : two, String(i), hold)
  while (order.length < 100) {
    leases.shift()?.release('ok')
    await tick()
    await tick()
  }
  t.same(order.map(Number), [...Array(100).keys()])
})

t.test('with room for one, nobody of 24 clients in two threads waits until its time is up', async (t) => {
  const { clock, pools, order } = threadsOf(2, 100, 800)
  let answered = 0
  // Each client of either thread asks again as soon as it was answered, which takes 20 ms.
  const ask = (pool: Pool) => {
    const use = (lease: Lease | undefined) => {
      if (lease === undefined) return void order.push('timed out')
      clock.after(20, () => {
        lease.release('ok')
        answered++
        setImmediate(() => ask(pool))
      })
    }
    const lease = pool.acquire({})
    if (lease !== undefined) use(lease)
    else pool.enqueue({}, use)
  }
  for (let i = 0; i < 24; i++) ask(pools[i % 2]!)
  for (let ms = 0; ms < 6000; ms += 5) {
    clock.advance(5)
    await tick()
    await tick()
  }
  t.same(order, [])
  t.ok(answered > 200, `${answered} answered`)
})

t.test('a waiter that was cancelled after it was served gives its place to the next', async (t) => {
  const { pools, wait, order } = threadsOf(1)
  const pool = pools[0]!
  const lease = pool.acquire({})!
  const first = wait(pool, 'a')!
  wait(pool, 'b')
  lease.release('ok')
  first.cancel()
  await tick()
  t.same(order, ['b'])
  t.equal(pool.backends[0]!.active, 1)
})

t.test('a backend that comes back serves those who wait', async (t) => {
  const { pools, wait, order, clock, config, slots, tables } = threadsOf(1)
  const pool = pools[0]!
  const lease = pool.acquire({})!
  wait(pool, 'a')
  // A lease of an older snapshot's pool: same row, same queue.
  const next = new Pool({ config, slots, table: tables[0]!, clock, random: seededRandom(1) })
  wait(next, 'b')
  lease.release('ok')
  await tick()
  t.same(order, ['a'])
})

t.test('one whose tried backends leave it nothing does not hold up the others', async (t) => {
  const { pools, order, wait } = threadsOf(1, 5, 1000, 2)
  const pool = pools[0]!
  const leases = [pool.acquire({})!, pool.acquire({})!]
  const [a] = pool.backends
  pool.enqueue({ tried: [a!] }, () => order.push('picky'))
  wait(pool, 'easy')
  leases.find((lease) => lease.backend === a)!.release('ok')
  await tick()
  t.same(order, ['easy'])
})

t.test('what a dead thread held is given back, and its waiters are forgotten', async (t) => {
  const { pools, wait, order, main, tables } = threadsOf(2, 10, 1000, 3)
  const [one, two] = pools as [Pool, Pool]
  for (let i = 0; i < 3; i++) two.acquire({})
  t.equal(two.backends[0]!.tryOpen(), true)
  wait(two, 'dead')
  wait(one, 'alive')
  t.same(giveBack(main, 1), { leases: 3, sockets: 1, waiters: 1 })
  t.same(
    one.backends.map((backend) => [backend.active, backend.open]),
    [
      [0, 0],
      [0, 0],
      [0, 0]
    ]
  )
  // What its tick would do; the dead one's must not run here as it would not there.
  wakeQueue(tables[0]!, 0)
  await tick()
  t.same(order, ['alive'])
  t.same(giveBack(main, 1), { leases: 0, sockets: 0, waiters: 0 }, 'once')
  t.equal(
    tables[0]!.held.some((held) => held < 0),
    false
  )
})

t.test('the waiters of a stuck thread hold up nobody', async (t) => {
  const { pools, wait, order, main } = threadsOf(2, 10)
  const [one, two] = pools as [Pool, Pool]
  const lease = one.acquire({}) as Lease
  wait(two, 'stuck')
  wait(one, 'alive')
  passOver(main, 1)
  lease.release('ok')
  await tick()
  t.same(order, ['alive'])
  t.match(giveBack(main, 1), { waiters: 1 }, 'it counts until the thread is dead')
})
