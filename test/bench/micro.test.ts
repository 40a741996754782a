import t from 'tap'
import { calibrate, measure } from '../../bench/micro/measure.ts'

const spin = (count: number): void => {
  for (let i = 0; i < count * 50; i++) Math.sqrt(i)
}

t.test('a batch is made long enough to be timed', async (t) => {
  const count = calibrate(spin, 2)
  const start = performance.now()
  spin(count)
  t.ok(performance.now() - start > 0.5, 'two milliseconds were wanted')
})

t.test('figures come per operation', async (t) => {
  let calls = 0
  const { ns } = measure(
    (count) => {
      calls += count
      spin(count)
    },
    { batches: 3, batchMs: 1 }
  )
  t.ok(calls > 3)
  t.ok(ns.min > 0 && ns.min <= ns.median && ns.median <= ns.max)
  t.ok(ns.median < 100_000, 'of one, not of the batch')
})
