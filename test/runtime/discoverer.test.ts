import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import type { Config } from '../../src/config/model/model.ts'
import { Discoverer } from '../../src/runtime/discovery/discoverer.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import { memoryLogger } from '../fakes/memory-logger.ts'
import { configOf } from './configs.ts'

t.test('found backends that could not be put in force are tried again', async (t) => {
  const file = join(t.testdir(), 'list.json')
  writeFileSync(file, '["127.0.0.1:1001"]')
  const clock = new FakeClock()
  const log = memoryLogger()
  const applied: string[] = []
  let failures = 0
  const apply = (config: Config) => {
    if (failures-- > 0) return Promise.reject(new Error('not now'))
    applied.push(config.pools['a']!.backends.map(({ address }) => JSON.stringify(address)).join())
    return Promise.resolve({} as never)
  }
  const discoverer = new Discoverer({ clock, random: { next: () => 0.5 } as never, log, apply })
  t.teardown(() => discoverer.close())
  const config = configOf({
    listeners: [{ name: 'web', bind: '127.0.0.1:0', mode: 'l7', pool: 'a' }],
    pools: { a: { discover: { file } } }
  })
  const first = discoverer.apply(config)
  const passes = async (holds: () => boolean) => {
    for (let turn = 0; turn < 2_000 && !holds(); turn++) {
      clock.advance(500)
      await sleep(5)
    }
    t.ok(holds())
  }
  await passes(() => applied.length === 1)
  await first
  t.match(applied[0], '1001')
  failures = 2
  writeFileSync(file, '["127.0.0.1:1001", "127.0.0.1:10020"]')
  await passes(() => applied.length === 2)
  t.match(applied[1], '10020')
  const lines = log.lines.filter(({ message }) =>
    message.startsWith('the backends that were found could not')
  )
  t.equal(lines.length, 2)
})

t.test('a failure during shutdown is no fault, and nothing is put in force afterwards', async (t) => {
  const file = join(t.testdir(), 'list.json')
  writeFileSync(file, '["127.0.0.1:1001"]')
  const clock = new FakeClock()
  const log = memoryLogger()
  const refusals: (() => void)[] = []
  let applies = 0
  const apply = () => {
    applies++
    if (applies === 1) return Promise.resolve({} as never)
    return new Promise<never>((_, reject) => refusals.push(() => reject(new Error('no worker runs'))))
  }
  const discoverer = new Discoverer({ clock, random: { next: () => 0.5 } as never, log, apply })
  const first = discoverer.apply(
    configOf({
      listeners: [{ name: 'web', bind: '127.0.0.1:0', mode: 'l7', pool: 'a' }],
      pools: { a: { discover: { file } } }
    })
  )
  for (let turn = 0; turn < 2_000 && refusals.length === 0; turn++) {
    if (applies === 1) writeFileSync(file, '["127.0.0.1:1001", "127.0.0.1:10020"]')
    clock.advance(500)
    await sleep(5)
  }
  await first
  t.equal(refusals.length, 1)
  discoverer.close()
  refusals[0]!()
  for (let turn = 0; turn < 20; turn++) {
    clock.advance(5_000)
    await sleep(1)
  }
  t.equal(applies, 2)
  t.strictSame(
    log.lines.filter(({ level }) => level === 'error'),
    []
  )
})

t.test('who puts the configuration in force once more waits until one is', async (t) => {
  const clock = new FakeClock()
  const starting = Promise.withResolvers<never>()
  const apply = (): Promise<never> => starting.promise
  const random = { next: () => 0.5 } as never
  const discoverer = new Discoverer({ clock, random, log: memoryLogger(), apply })
  t.teardown(() => discoverer.close())
  const config = configOf({ pools: {}, listeners: [{ name: 'web', bind: '127.0.0.1:0', mode: 'l7', routes: [{ match: {}, respond: { body: 'a' } }] }] }) // prettier-ignore
  // A staple, or a certificate by ACME, that is there before the workers are.
  let again: Config | undefined
  const first = discoverer.first().then((given) => (again = given))
  const applied = discoverer.apply(config)
  await new Promise(setImmediate)
  t.equal(again, undefined)
  starting.resolve({} as never)
  await applied
  t.equal(await first, config)
})
