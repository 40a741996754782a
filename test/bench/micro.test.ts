import t from 'tap'
import { calibrate, measure } from '../../bench/micro/measure.ts'

/** Operations that take 250 ns each, on a clock of their own. */
function fakeWork(): { loop: (count: number) => void; now: () => bigint; batches: number[] } {
  let clock = 0n
  const batches: number[] = []
  const loop = (count: number): void => {
    batches.push(count)
    clock += BigInt(count) * 250n
  }
  return { loop, now: () => clock, batches }
}

t.test('a batch is made long enough to be timed, in steps of eight at the most', async (t) => {
  const { loop, now, batches } = fakeWork()
  const count = calibrate(loop, 2, now)
  t.ok(count * 250 >= 2e6 && count * 250 < 4e6, `${count} operations for two milliseconds`)
  t.ok(batches.every((size, index) => index === 0 || size <= batches[index - 1]! * 8))
})

t.test('figures come per operation, from as many batches as were asked for', async (t) => {
  const { loop, now, batches } = fakeWork()
  const { ns } = measure(loop, { batches: 5, batchMs: 1 }, now)
  t.same(ns, { median: 250, min: 250, max: 250 })
  t.ok(batches.slice(-5).every((size) => size === batches.at(-1)))
})
