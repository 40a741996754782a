import t from 'tap'
import * as at from '../../src/balancer/columns.ts'
import { SlotRegistry } from '../../src/balancer/slot-registry.ts'
import { BackendTable } from '../../src/balancer/table.ts'
import { FakeClock } from '../../src/core/clock.ts'
import { giveBack } from '../../src/runtime/give-back.ts'
import { makePool } from '../../src/runtime/make-pool.ts'
import { RestartDelay } from '../../src/runtime/restart-delay.ts'
import { SerialQueue } from '../../src/runtime/serial-queue.ts'
import { configOf } from './configs.ts'

t.test('what a dead thread held is given back, and what others hold is not', async (t) => {
  const clock = new FakeClock()
  const main = BackendTable.create({ capacity: 64, poolCapacity: 8, threads: 3 })
  const config = configOf({
    listeners: [{ bind: '127.0.0.1:1001', mode: 'l4', pool: 'p' }],
    pools: {
      p: { backends: [{ address: '127.0.0.1:1', maxConnections: 3 }], queue: { max: 10, timeout: '1s' } }
    }
  })
  const slots = new SlotRegistry(main, clock).assign(Object.values(config.pools))
  const plan = { config: config.pools['p']!, slots: slots['p']! }
  const poolOf = (thread: number) =>
    makePool(plan, {
      table: BackendTable.attach(main.buffers, thread),
      clock,
      random: Math.random,
      onChange: () => {}
    })
  const [dying, living] = [poolOf(1), poolOf(2)]
  const lease = living.acquire({})!
  t.ok(dying.acquire({}) && dying.acquire({}))
  t.equal(living.acquire({}), undefined, 'full')
  t.ok(dying.enqueue({}, () => t.fail('it is gone')))
  t.ok(dying.backends[0]!.tryOpen())
  t.equal(living.waiting, 1)

  giveBack(main, 1)
  const backend = living.backends[0]!
  t.equal(backend.active, 1)
  t.equal(backend.open, 0)
  t.equal(living.waiting, 0)
  t.equal(main.pools[at.POOL_ACTIVE], 1)
  lease.release('ok')
  t.equal(backend.active, 0)
  giveBack(main, 1)
  t.equal(backend.active, 0, 'only once')
})

t.test('replacement waits double up to ten seconds, and begin anew after a minute of health', async (t) => {
  let now = 0
  const delay = new RestartDelay(() => now)
  const delays = Array.from({ length: 9 }, () => delay.next())
  t.strictSame(delays, [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000])
  delay.started()
  now += 59_999
  t.equal(delay.next(), 10_000)
  delay.started()
  now += 60_000
  t.equal(delay.next(), 100)
})

t.test('changes go one after the other', async (t) => {
  const queue = new SerialQueue()
  const order: string[] = []
  const change = async (name: string) => {
    const leave = await queue.enter()
    order.push(`${name} in`)
    await Promise.resolve()
    order.push(`${name} out`)
    leave()
  }
  await Promise.all([change('a'), change('b')])
  t.strictSame(order, ['a in', 'a out', 'b in', 'b out'])
})
