import t, { type Test } from 'tap'
import { SlotRegistry } from '../../src/balancer/table/slot-registry.ts'
import { BackendTable } from '../../src/balancer/table/table.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import { memoryLogger } from '../fakes/memory-logger.ts'
import { freePort } from '../free-port.ts'
import { createLogger } from '../../src/core/log/log.ts'
import { Metrics } from '../../src/core/metrics/metrics.ts'
import { RedisBoard } from '../../src/redis/redis-board.ts'
import { ConfiguredMemory } from '../../src/runtime/memory/configured-memory.ts'
import { OwnAddresses } from '../../src/runtime/control/reload/own-addresses.ts'
import { Controller, type ControllerDeps } from '../../src/runtime/control/controller.ts'
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

function controllerOf(t: Test, clock: FakeClock, over: Partial<ControllerDeps> = {}) {
  const table = BackendTable.create({ capacity: 64, poolCapacity: 8 })
  const slots = new SlotRegistry(table, clock)
  const log = createLogger({ level: 'silent' })
  const board = RedisBoard.create({ threads: 1, shared: false })
  const controller = new Controller({
    table,
    slots,
    clock,
    random: Math.random,
    onChange: () => {},
    log,
    planes,
    memory: new ConfiguredMemory(0, { clock, log, metrics: new Metrics(), board, pseudonym: 'lb' }),
    staples: { prepare: () => Promise.resolve(), of: () => undefined },
    obtained: {
      prepare: () => Promise.resolve(),
      of: () => ({ pairs: [], pending: [] }),
      stapleStore: () => undefined
    },
    early: { refused: () => {}, later: () => {} },
    logLevel: undefined,
    edge: () => Promise.resolve(),
    leaveEdge: () => {},
    onApplied: () => {},
    ...over
  })
  t.teardown(() => controller.close())
  return { controller, slots }
}

t.test('rows of backends that are gone are freed also while reloads follow each other', async (t) => {
  const clock = new FakeClock()
  const { controller, slots } = controllerOf(t, clock)
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

t.test('rows of a change under way are not freed, however long the planes take', async (t) => {
  const clock = new FakeClock()
  let go: (() => void) | undefined
  let waits = false
  const prepare = (): Promise<object> =>
    waits ? new Promise((resolve) => (go = () => resolve({}))) : Promise.resolve({})
  const { controller, slots } = controllerOf(t, clock, { planes: { ...planes, prepare } as Planes })
  const withBackends = (...ports: number[]) =>
    configOf({
      listeners: [{ name: 'a', bind: '127.0.0.1:0', mode: 'l4', pool: 'p' }],
      pools: { p: { backends: ports.map((port) => `127.0.0.1:${port}`) } }
    })
  const rowsOf = (): readonly number[] => [...controller.pools.get('p')!.backends].map(({ slot }) => slot)
  await controller.apply(withBackends(1, 2))
  await controller.apply(withBackends(1))
  // 2 comes back and 3 is new, when the row of 2 may be freed.
  clock.advance(4_000)
  waits = true
  const change = controller.apply(withBackends(1, 2, 3))
  while (go === undefined) await new Promise(setImmediate)
  clock.advance(30_000)
  go()
  waits = false
  await change
  t.equal(slots.size, 3)
  await controller.apply(withBackends(1, 2, 3, 4, 5))
  t.equal(new Set(rowsOf()).size, 5, `two backends in one row: ${rowsOf().join()}`)
})

t.test('an address that another program takes before admin can is logged, and tried again', async (t) => {
  const clock = new FakeClock()
  const log = memoryLogger('info')
  const place = `127.0.0.1:${await freePort()}`
  let taken = false
  let tries = 0
  const applied: unknown[] = []
  const edge = (): Promise<void> => {
    tries++
    const error = Object.assign(new Error(`cannot listen on ${place}: in use`), { code: 'EACCES' })
    return taken ? Promise.reject(error) : Promise.resolve()
  }
  const onApplied = (config: object): void => void applied.push(config)
  const { controller } = controllerOf(t, clock, { log, edge, onApplied })
  const listener = (bind: string) => ({ name: 'a', bind, mode: 'l4', pool: 'p' })
  const pools = { p: { backends: ['127.0.0.1:1'] } }
  await controller.apply(configOf({ listeners: [listener(place)], pools }))
  taken = true
  const next = configOf({ admin: { bind: place }, listeners: [listener('127.0.0.1:0')], pools })
  const { changed, lines } = await controller.apply(next)
  t.equal(changed, true, 'the rest is in force')
  t.equal(controller.config, applied.at(-1))
  t.match(lines.at(-1), /^admin does not listen: cannot listen on .*: in use; it is tried again every 5 s$/)
  const told = () => log.lines.filter(({ level }) => level === 'error').length
  const again = async (): Promise<number> => {
    const before = tries
    clock.advance(5_000)
    for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate)
    return tries - before
  }
  t.equal(await again(), 1)
  t.equal(told(), 1, 'once')
  taken = false
  t.equal(await again(), 1)
  t.match(log.lines.at(-1)?.message, 'admin listens now')
  t.equal(await again(), 0)
  t.match(await controller.apply(next), { changed: false })

  t.test('until another configuration is in force', async (t) => {
    await controller.apply(configOf({ listeners: [listener(place)], pools }))
    taken = true
    await controller.apply(next)
    taken = false
    await controller.apply(configOf({ listeners: [listener('127.0.0.1:0')], pools }))
    t.equal(await again(), 0)
  })
})

t.test('an address that went is its own also where the thread stood still meanwhile', async (t) => {
  const clock = new FakeClock()
  const addresses = new OwnAddresses(clock)
  const listening = (...binds: string[]) =>
    configOf({
      listeners: binds.map((bind, at) => ({ name: `l${at}`, bind, mode: 'l4', pool: 'p' })),
      pools: { p: { backends: ['127.0.0.1:1'] } }
    })
  const [before, after] = [listening('127.0.0.1:0', 'unix:/tmp/a.sock'), listening('127.0.0.1:0')]
  const bind = before.listeners[1]!.binds[0]!
  addresses.changed(before, after)
  const inUse = Object.assign(new Error('in use'), { code: 'EADDRINUSE' })
  const take = async (failures: number, forMs: number): Promise<string> => {
    let tries = 0
    const taking = addresses.taking([bind], () =>
      tries++ < failures ? Promise.reject(inUse) : Promise.resolve('had')
    )
    const end = clock.now() + forMs
    const result = taking.catch(() => 'refused')
    while (clock.now() < end) {
      await new Promise(setImmediate)
      clock.advance(20)
    }
    return result
  }
  clock.advance(20_000)
  t.equal(await take(3, 200), 'had')
  t.equal(await take(Infinity, 5_100), 'refused', 'not for ever')
  clock.advance(60_000)
  t.equal(await take(1, 100), 'refused', 'nor after a minute')
})
