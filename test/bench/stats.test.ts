import t from 'tap'
import { percentile, summarizeLatency } from '../../bench/stats/percentile.ts'
import { ratio, spread } from '../../bench/stats/spread.ts'

t.test('a percentile is the nearest rank', async (t) => {
  const values = [10, 20, 30, 40]
  t.equal(percentile(values, 0), 10)
  t.equal(percentile(values, 0.25), 10)
  t.equal(percentile(values, 0.26), 20)
  t.equal(percentile(values, 0.5), 20)
  t.equal(percentile(values, 1), 40)
  t.equal(percentile([7], 0.999), 7)
  t.ok(Number.isNaN(percentile([], 0.5)))
})

t.test('latencies are sorted as numbers before they are summed up', async (t) => {
  const values = Array.from({ length: 1000 }, (_, index) => 1000 - index)
  t.same(summarizeLatency(values), { p50: 500, p99: 990, p999: 999, max: 1000 })
})

t.test('a spread is the median between the lowest and the highest, without what is missing', async (t) => {
  t.same(spread([3, 1, 2]), { median: 2, min: 1, max: 3 })
  t.same(spread([10, 2, undefined, NaN]), { median: 6, min: 2, max: 10 })
  t.equal(spread([undefined]), undefined)
})

t.test('a ratio is taken round by round, so that what changes between rounds cancels out', async (t) => {
  // The machine became four times slower for both after the first round.
  t.same(ratio([10, 40, 40], [20, 80, 80]), { median: 0.5, min: 0.5, max: 0.5 })
  t.same(ratio([10, undefined, 30], [20, 80, 20]), { median: 1, min: 0.5, max: 1.5 })
  t.equal(ratio([10], [0]), undefined)
  t.equal(ratio([10, 10], []), undefined)
})
