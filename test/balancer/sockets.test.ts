import t from 'tap'
import { Pool } from '../../src/balancer/pool/pool.ts'
import { SlotRegistry } from '../../src/balancer/table/slot-registry.ts'
import { awaitSocket, onShed, shedIdle, socketFreed } from '../../src/balancer/queue/socket-queue.ts'
import { BackendTable } from '../../src/balancer/table/table.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import { seededRandom } from '../../src/core/random.ts'
import { backendConfig, poolConfig } from './fixtures.ts'

const tick = () => new Promise<void>((resolve) => setImmediate(resolve))

/** One backend of two sockets, seen by two threads. */
function twoThreads() {
  const clock = new FakeClock()
  const config = poolConfig({ backends: [backendConfig('a', { maxConnections: 2 })] })
  const main = BackendTable.create({ capacity: 1, poolCapacity: 1, threads: 2 })
  const slots = new SlotRegistry(main, clock).assign([config]).web!
  const tables = [0, 1].map((thread) => BackendTable.attach(main.buffers, thread)) as [
    BackendTable,
    BackendTable
  ]
  const backends = tables.map(
    (table) => new Pool({ config, slots, table, clock, random: seededRandom(1) }).backends[0]!
  )
  tables.forEach((table, own) => {
    table.signals = {
      wake: () => {},
      shed: (slot) => tables.forEach((other, i) => i !== own && setImmediate(() => shedIdle(other, slot))),
      freed: (thread, slot) => setImmediate(() => socketFreed(tables[thread]!, slot))
    }
  })
  return { clock, tables, one: backends[0]!, two: backends[1]! }
}

t.test('sockets are counted against maxConnections over all threads', async (t) => {
  const { one, two } = twoThreads()
  t.equal(one.tryOpen(), true)
  t.equal(two.tryOpen(), true)
  t.equal(one.tryOpen(), false)
  t.equal(one.open, 2)
  two.closed()
  t.equal(one.tryOpen(), true)
})

t.test('a thread without a socket gets one that another keeps idle', async (t) => {
  const { one, two, tables, clock } = twoThreads()
  one.tryOpen()
  one.tryOpen()
  // The first thread keeps both idle.
  let idle = 2
  onShed(tables[0], () => {
    if (idle === 0) return
    idle--
    one.closed()
  })
  const got: boolean[] = []
  awaitSocket(two, clock, 1000, (opened) => got.push(opened))
  t.equal(one.table.starved(one.slot), true)
  for (let i = 0; i < 4; i++) await tick()
  t.same(got, [true])
  t.equal(idle, 1, 'one was enough')
  t.equal(two.open, 2)
  t.equal(one.table.starved(one.slot), false)
})

t.test('who waits too long is told so, and who leaves is no longer counted', async (t) => {
  const { one, two, clock } = twoThreads()
  one.tryOpen()
  one.tryOpen()
  const got: boolean[] = []
  awaitSocket(two, clock, 100, (opened) => got.push(opened))
  const left = awaitSocket(two, clock, 1000, (opened) => got.push(opened))
  clock.advance(110)
  await tick()
  clock.advance(20)
  t.same(got, [false])
  left.cancel()
  t.equal(two.table.starved(two.slot), false)
  one.closed()
  await tick()
  t.equal(one.open, 1)
})
