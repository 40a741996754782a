import t from 'tap'
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { systemClock } from '../../src/core/clock.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import { Deadlines } from '../../src/core/deadlines.ts'
import type { Waits } from '../../src/core/deadlines.ts'
import { seededRandom } from '../../src/core/random.ts'

function waiting(deadline: number, onDeadline: (now: number) => void = () => {}) {
  const waits = {
    deadline,
    fired: [] as number[],
    onDeadline: (now: number) => {
      waits.fired.push(now)
      onDeadline(now)
    }
  }
  return waits satisfies Waits
}

t.test('a deadline fires once, at most one period late, and is Infinity by then', async (t) => {
  const clock = new FakeClock(0)
  const deadlines = new Deadlines(clock, 100)
  const seen: number[] = []
  const one = waiting(150, () => seen.push(one.deadline))
  deadlines.add(one)
  clock.advance(199)
  t.strictSame(one.fired, [])
  clock.advance(1)
  t.strictSame(one.fired, [200])
  clock.advance(1_000)
  t.strictSame(one.fired, [200])
  t.strictSame(seen, [Infinity])
})

t.test('moving a deadline is a store, also from within onDeadline', async (t) => {
  const clock = new FakeClock(0)
  const deadlines = new Deadlines(clock, 100)
  const moved = waiting(50)
  const again = waiting(50, (now) => (again.deadline = now + 100))
  deadlines.add(moved)
  deadlines.add(again)
  moved.deadline = 350
  clock.advance(300)
  t.strictSame(moved.fired, [])
  t.strictSame(again.fired, [100, 200, 300])
  clock.advance(100)
  t.strictSame(moved.fired, [400])
})

t.test(
  'who is removed is left alone, others are not skipped, and nothing ticks when nobody waits',
  async (t) => {
    const clock = new FakeClock(0)
    const deadlines = new Deadlines(clock, 100)
    const gone = waiting(50)
    const first = waiting(50, () => {
      deadlines.remove(first)
      deadlines.remove(gone)
    })
    const last = waiting(50, () => deadlines.remove(last))
    for (const waits of [first, gone, last]) deadlines.add(waits)
    clock.advance(100)
    t.strictSame([first.fired, gone.fired, last.fired], [[100], [], [100]])
    t.equal(deadlines.size, 0)
    const after = clock.after.bind(clock)
    let ticks = 0
    clock.after = (ms, run) => (ticks++, after(ms, run))
    clock.advance(900)
    t.equal(ticks, 0, 'the sweep has stopped')
    const later = waiting(1_050)
    deadlines.add(later)
    t.equal(deadlines.now, 1_000)
    clock.advance(100)
    t.strictSame(later.fired, [1_100])
  }
)

t.test('who is the first to wait after a quiet hour has all of its time', async (t) => {
  const clock = new FakeClock(0)
  const deadlines = new Deadlines(clock, 100)
  const before = waiting(Infinity)
  deadlines.add(before)
  clock.advance(1_000)
  deadlines.remove(before)
  clock.advance(3_600_000)
  // As a handshake or a dial has it: the deadline is set first, and then it is added.
  const first = waiting(deadlines.now + 5_000)
  deadlines.add(first)
  clock.advance(4_900)
  t.strictSame(first.fired, [])
  clock.advance(200)
  t.equal(first.fired.length, 1)
})

t.test('the fake clock runs timers in order of time, also those set by timers', async (t) => {
  const clock = new FakeClock(0)
  const seen: string[] = []
  clock.after(20, () => seen.push(`b${clock.now()}`))
  clock.after(10, () => {
    seen.push(`a${clock.now()}`)
    clock.after(5, () => seen.push(`c${clock.now()}`))
  })
  const cancel = clock.after(12, () => seen.push('never'))
  cancel()
  clock.advance(30)
  t.strictSame(seen, ['a10', 'c15', 'b20'])
  t.equal(clock.now(), 30)
})

t.test('the system clock has one origin on all threads', async (t) => {
  const url = JSON.stringify(new URL('../../src/core/clock.ts', import.meta.url))
  const before = systemClock.now()
  const worker = new Worker(
    `import(${url}).then(({ systemClock }) => require('node:worker_threads').parentPort.postMessage(systemClock.now()))`,
    { eval: true }
  )
  const [there] = (await once(worker, 'message')) as [number]
  t.ok(there >= before && there <= systemClock.now())
})

t.test('seeded randomness repeats itself and stays in [0, 1)', async (t) => {
  const [a, b, other] = [seededRandom(7), seededRandom(7), seededRandom(8)]
  const values = Array.from({ length: 1_000 }, () => a())
  t.strictSame(
    values,
    Array.from({ length: 1_000 }, () => b())
  )
  t.not(values[0], other())
  t.ok(values.every((value) => value >= 0 && value < 1))
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  t.ok(Math.abs(mean - 0.5) < 0.05, `mean ${mean}`)
})
