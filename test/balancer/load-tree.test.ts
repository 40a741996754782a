import t from 'tap'
import { Pool } from '../../src/balancer/pool/pool.ts'
import { SlotRegistry } from '../../src/balancer/table/slot-registry.ts'
import { BackendTable } from '../../src/balancer/table/table.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import { many, poolConfig } from './fixtures.ts'
import { LoadTree, treeBytes, type LoadOrder } from '../../src/balancer/table/load-tree.ts'
import type { View } from '../../src/balancer/pool/view.ts'
import { seededRandom } from '../../src/core/random.ts'

const noView = undefined as unknown as View

t.test('the winner is the least loaded after any change, in pools of any size', async (t) => {
  const random = seededRandom(3)
  for (const size of [1, 2, 7, 8, 9, 64, 65, 513, 5000]) {
    const loads = Array.from({ length: size }, () => Math.floor(random() * 5))
    const order: LoadOrder = { load: (_view, position) => loads[position]! }
    const tree = new LoadTree(new ArrayBuffer(treeBytes(size)), size, order)
    for (let position = 0; position < size; position++) tree.refresh(noView, position)
    let wrong = 0
    for (let change = 0; change < 1000; change++) {
      // Half the changes hit the winner, as picks do.
      const position = random() < 0.5 ? tree.winner : Math.floor(random() * size)
      loads[position] = random() < 0.2 ? Infinity : Math.floor(random() * 6)
      tree.refresh(noView, position)
      if (loads[tree.winner] !== Math.min(...loads)) wrong++
    }
    t.equal(wrong, 0, `${size} backends`)
  }
})

t.test('among equals it is the turn of the one that waited longest', async (t) => {
  const size = 20
  const tree = new LoadTree(new ArrayBuffer(treeBytes(size)), size, { load: () => 0 })
  for (let position = 0; position < size; position++) tree.refresh(noView, position)
  const winners = Array.from({ length: 2 * size }, (_, turn) => {
    const { winner } = tree
    tree.stamp(winner, turn + 1)
    tree.refresh(noView, winner)
    return winner
  })
  t.equal(new Set(winners.slice(0, size)).size, size)
  t.same(winners.slice(size), winners.slice(0, size))
})

t.test('a burst spreads evenly wherever in the tree another thread was held up', async (t) => {
  for (const algorithm of ['least-connections', 'least-time'] as const) {
    for (const count of [10, 100, 700]) {
      for (let step = 1; step <= 12; step++) {
        const clock = new FakeClock()
        const config = poolConfig({ algorithm, backends: many(count) })
        const main = BackendTable.create({ capacity: 1024, poolCapacity: 2, threads: 2 })
        const slots = new SlotRegistry(main, clock).assign([config]).web!
        const [sleepy, awake] = [0, 1].map((thread) => {
          const table = BackendTable.attach(main.buffers, thread)
          return new Pool({ config, slots, table, clock, random: seededRandom(1) })
        })
        for (let i = 0; i < 2 * count; i++) awake!.acquire({})!.release('ok', 5)
        for (let i = 0; i < count; i++) sleepy!.acquire({})
        heldUp(step, () => sleepy!.acquire({}))
        const taken = awake!.backends.map((backend) => backend.active)
        const burst = 20 * count
        for (let i = 0; i < burst; i++) awake!.acquire({})
        const loads = awake!.backends.map((backend, i) => backend.active - taken[i]!)
        const most = Math.max(...loads)
        t.ok(most <= 22, `${algorithm} over ${count}, held up at step ${step}: ${most} of ${burst} to one`)
      }
    }
  }
})

/** Ends `run` at its `step`th atomic operation, as if its thread slept there. */
function heldUp(step: number, run: () => void): void {
  const { compareExchange, add } = Atomics
  let steps = 0
  const count = () => {
    if (++steps === step) throw new Error('asleep')
  }
  Atomics.compareExchange = ((...args: Parameters<typeof compareExchange>) => {
    count()
    return compareExchange(...args)
  }) as typeof compareExchange
  Atomics.add = ((...args: Parameters<typeof add>) => {
    count()
    return add(...args)
  }) as typeof add
  try {
    run()
  } catch {
    // Asleep.
  } finally {
    Object.assign(Atomics, { compareExchange, add })
  }
}
