import t from 'tap'
import { FakeClock } from '../fakes/fake-clock.ts'
import { Deadlines } from '../../src/core/deadlines.ts'
import type { LogLevel } from '../../src/core/log/log.ts'
import { memoryLogger } from '../fakes/memory-logger.ts'
import { LogThrottle } from '../../src/core/log/log-throttle.ts'

function rig(level: LogLevel = 'info') {
  const clock = new FakeClock()
  const deadlines = new Deadlines(clock)
  const log = memoryLogger(level)
  const throttle = new LogThrottle(log, clock, deadlines)
  const flood = (kind: string, times: number) =>
    Array.from({ length: times }, () => throttle.allows(kind, 'info', { kind })).filter(Boolean).length
  return { clock, deadlines, log, flood }
}

t.test('ten lines a second of each kind get through, and one says how many did not', async (t) => {
  const { clock, deadlines, log, flood } = rig()
  t.equal(flood('denied', 10_000), 10)
  t.equal(flood('limit', 5), 5)
  t.same(log.lines, [])
  clock.advance(1_100)
  t.same(log.lines, [
    {
      level: 'info',
      message: 'more like these, not logged one by one',
      fields: { kind: 'denied', suppressed: 9_990 }
    }
  ])
  t.equal(deadlines.size, 0)
})

t.test('a continuing flood is logged with ten lines a second', async (t) => {
  const { clock, log, flood } = rig()
  let through = 0
  for (let second = 0; second < 10; second++) {
    through += flood('denied', 1_000)
    clock.advance(1_100)
  }
  t.ok(through <= 100, `${through} lines`)
  t.equal(
    log.lines.reduce((sum, { fields }) => sum + Number(fields['suppressed']), through),
    10_000,
    'none is lost from the count'
  )
})

t.test('a few lines a second are all written', async (t) => {
  const { clock, log, flood } = rig()
  for (let i = 0; i < 5; i++) {
    t.equal(flood('denied', 10), 10)
    clock.advance(1_000)
  }
  t.same(log.lines, [])
})

t.test('at debug all lines are written', async (t) => {
  t.equal(rig('debug').flood('denied', 100), 100)
})
