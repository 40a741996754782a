import t from 'tap'
import { SlotRegistry } from '../../src/balancer/table/slot-registry.ts'
import { BackendTable } from '../../src/balancer/table/table.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import { createLogger } from '../../src/core/log/log.ts'
import { Metrics } from '../../src/core/metrics/metrics.ts'
import { RedisBoard } from '../../src/redis/redis-board.ts'
import { ConfiguredMemory } from '../../src/runtime/memory/configured-memory.ts'
import { Controller } from '../../src/runtime/control/controller.ts'
import type { Planes } from '../../src/runtime/workers/planes.ts'
import { configOf } from './configs.ts'

const planes: Planes = {
  prepare: () => Promise.resolve({}),
  abort() {},
  commit: () => Promise.resolve([]),
  backend() {},
  reopenLogs() {},
  connections: () => Promise.resolve([]),
  drain: () => Promise.resolve(0),
  kill: () => Promise.resolve(),
  workers: []
}

t.test('rows of backends that are gone are freed also while reloads follow each other', async (t) => {
  const clock = new FakeClock()
  const table = BackendTable.create({ capacity: 64, poolCapacity: 8 })
  const slots = new SlotRegistry(table, clock)
  const controller = new Controller({
    table,
    slots,
    clock,
    random: Math.random,
    onChange: () => {},
    log: createLogger({ level: 'silent' }),
    planes,
    memory: new ConfiguredMemory(0, {
      clock,
      log: createLogger({ level: 'silent' }),
      metrics: new Metrics(),
      board: RedisBoard.create({ threads: 1, shared: false }),
      pseudonym: 'lb'
    }),
    staples: { prepare: () => Promise.resolve(), of: () => undefined },
    obtained: { prepare: () => Promise.resolve(), of: () => ({ pairs: [], pending: [] }) },
    logLevel: undefined,
    edge: () => Promise.resolve(),
    leaveEdge: () => {},
    onApplied: () => {}
  })
  t.teardown(() => controller.close())
  let most = 0
  for (let round = 1; round <= 30; round++) {
    await controller.apply(
      configOf({
        listeners: [{ name: 'a', bind: '127.0.0.1:0', mode: 'l4', pool: 'p' }],
        pools: { p: { backends: [`127.0.0.1:${round}`] } }
      })
    )
    clock.advance(1_000)
    most = Math.max(most, slots.size)
  }
  t.ok(most >= 6, 'who still picks by a configuration of five seconds ago finds its rows')
  t.ok(most <= 12, `${most} rows for one backend`)
  clock.advance(20_000)
  t.equal(slots.size, 1)
})
