import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import fc from 'fast-check'
import t from 'tap'
import type { Decision } from '../../src/shared/rate-decision.ts'
import { rateRule, type RateAlgorithm } from '../../src/shared/rate-rule.ts'
import { RateTable } from '../../src/shared/rate-table.ts'

/** Requests that passed uncounted since the last table was made. */
let untracked = 0
const decision: Decision = { allowed: false, remaining: 0, retryMs: 0, fullMs: 0 }

function make(
  algorithm: RateAlgorithm,
  options: { requests?: number; perMs?: number; burst?: number; entries?: number } = {}
): RateTable {
  const { requests = 10, perMs = 1000, entries = 64 } = options
  const burst = options.burst ?? requests
  const rule = rateRule({ algorithm, requests, perMs, burst })
  untracked = 0
  return new RateTable(rule, RateTable.allocate(entries, false), () => untracked++)
}

/** How many of `count` requests of one key pass at `now`. */
function pass(table: RateTable, count: number, now: number, key = 5): number {
  let passed = 0
  for (let i = 0; i < count; i++) {
    table.take(key, 9, 1, now, decision)
    if (decision.allowed) passed++
  }
  return passed
}

t.test('a token bucket lets its burst through at once and then one per interval', async (t) => {
  const table = make('token-bucket', { requests: 10, burst: 5 })
  const start = 1_000_000
  t.equal(pass(table, 20, start), 5)
  t.equal(decision.remaining, 0)
  t.equal(Math.round(decision.retryMs), 100)
  t.equal(Math.round(decision.fullMs), 500)
  t.equal(pass(table, 5, start + 99), 0)
  t.equal(pass(table, 5, start + 100.001), 1)
  t.equal(pass(table, 9, start + 60_000), 5, 'and no more than its burst after a pause')
  t.equal(pass(table, 9, start + 400 * 24 * 3_600_000), 5, 'nor after more than a year')
})

t.test('a token bucket passes burst and rate, to the request', async (t) => {
  for (const requests of [1, 7, 1000, 90_000]) {
    const table = make('token-bucket', { requests, burst: 10 })
    const start = 123_456_789.25
    let passed = 0
    const step = 1000 / requests / 3
    for (let at = 0; at < 10_000 && at < step * 300_000; at += step) passed += pass(table, 1, start + at)
    const expected = 10 + Math.min(10_000, step * 300_000) * (requests / 1000)
    t.ok(Math.abs(passed - expected) <= 2, `${requests}/s: ${passed} of ${expected}`)
  }
})

t.test('a fixed window counts from its beginning, whatever was used before', async (t) => {
  const table = make('fixed-window')
  t.equal(pass(table, 20, 999_500), 10)
  t.equal(Math.round(decision.retryMs), 500)
  t.equal(pass(table, 20, 1_000_000), 10)
  t.equal(
    pass(table, 20, 1_000_000 + 256_000),
    10,
    'and an old one with the same index modulo 256 is not taken for it'
  )
})

t.test('a sliding window passes no more than its number in any window, but for its estimate', async (t) => {
  const table = make('sliding-window')
  t.equal(pass(table, 20, 1_000_750), 10)
  t.equal(
    pass(table, 20, 1_001_250),
    0,
    'what was used in the middle of a second of the clock counts for a second'
  )
  t.equal(pass(table, 20, 1_002_250), 5)
  t.equal(pass(table, 20, 1_256_500), 10)
})

for (const [algorithm, most] of [
  ['token-bucket', 10_050],
  ['sliding-window', 10_000]
] as const) {
  t.test(`ten seconds of overload pass ${most} by ${algorithm}, whenever they begin`, async (t) => {
    for (const perSecond of [1500, 3000, 12_000]) {
      for (const phase of [0, 0.001, 0.3, 0.5, 0.9, 0.999]) {
        const table = make(algorithm, { requests: 1000, burst: algorithm === 'token-bucket' ? 50 : 1000 })
        const times: number[] = []
        for (let i = 0; i < 10 * perSecond; i++) {
          const now = 100_000 + phase * 1000 + (i * 1000) / perSecond
          if (pass(table, 1, now) === 1) times.push(now)
        }
        const name = `${perSecond}/s from ${phase}`
        t.ok(Math.abs(times.length - most) <= most / 100, `${times.length}, ${name}`)
        const window = algorithm === 'token-bucket' ? 1050 : 1000
        const over = times.findIndex((at, i) => times[i + Math.ceil(window * 1.01)]! - at < 999)
        t.equal(over, -1, `no second has more than ${window}, ${name}`)
      }
    }
  })
}

t.test('a sliding window that was left alone begins anew, over all phases of the clock', async (t) => {
  const table = make('sliding-window')
  for (let i = 1, now = 1_000_000; i < 300; i++, now += 2000 + ((i * 37) % 1000)) {
    t.equal(pass(table, 20, now), 10)
    t.equal(pass(table, 20, now + 900), 0)
  }
})

t.test('a refused request passes after the time in its Retry-After', async () => {
  const algorithm = fc.constantFrom<RateAlgorithm>('token-bucket', 'sliding-window', 'fixed-window')
  const scenario = fc.record({
    algorithm,
    requests: fc.integer({ min: 1, max: 500 }),
    perMs: fc.constantFrom(100, 1000, 60_000, 3_600_000),
    burst: fc.integer({ min: 1, max: 500 }),
    gaps: fc.array(fc.double({ min: 0, max: 1.5, noNaN: true }), { maxLength: 40 })
  })
  fc.assert(
    fc.property(scenario, ({ algorithm, requests, perMs, burst, gaps }) => {
      const table = make(algorithm, { requests, perMs, burst })
      let now = 5_000_000
      for (const gap of gaps) {
        now += (gap * perMs) / requests
        table.take(1, 2, 1, now, decision)
      }
      for (let i = 0; i < 1100 && decision.allowed; i++) table.take(1, 2, 1, now, decision)
      if (decision.allowed) return false
      const wait = decision.retryMs
      table.take(1, 2, 1, now + wait + 0.01, decision)
      return decision.allowed && decision.fullMs >= 0
    }),
    { numRuns: 300 }
  )
})

t.test('a cost that is known afterwards is taken in full, up to as much again as the limit', async (t) => {
  for (const algorithm of ['token-bucket', 'sliding-window', 'fixed-window'] as const) {
    const table = make(algorithm, { requests: 10, burst: 10 })
    table.take(1, 2, 25, 1_000_000, decision, true)
    t.equal(decision.remaining, 0)
    table.take(1, 2, 1, 1_000_001, decision)
    t.equal(decision.allowed, false, algorithm)
  }
})

t.test('a flood of other keys does not push out one that is limited', async (t) => {
  const table = make('token-bucket', { requests: 1, perMs: 60_000, burst: 5, entries: 1024 })
  t.equal(pass(table, 10, 1_000_000, 77), 5)
  for (let key = 0; key < 200_000; key++)
    table.take(key * 2_654_435_761, key ^ 0x5bd1e995, 1, 1_000_001, decision)
  t.equal(pass(table, 10, 1_000_002, 77), 0)
  t.equal(untracked, 0)
  t.ok(table.buffers.memory.byteLength < 1024 * 24, 'in the memory it was given')
})

t.test('where all of a set are limited, a further key passes and is counted as untracked', async (t) => {
  const table = make('fixed-window', { requests: 1, entries: 8 })
  for (let key = 1; key <= 8; key++) t.equal(pass(table, 2, 1_000_000, key), 1)
  t.equal(pass(table, 2, 1_000_000, 99), 2)
  t.equal(untracked, 2)
  t.equal(pass(table, 2, 1_001_000, 99), 1, 'until those are free again')
})

t.test('three threads pass exactly what one would', async (t) => {
  for (const algorithm of ['token-bucket', 'sliding-window', 'fixed-window'] as const) {
    const rule = rateRule({ algorithm, requests: 20_000, perMs: 1000, burst: 20_000 })
    const buffers = RateTable.allocate(64)
    const passed = await Promise.all(
      [0, 1, 2].map(async () => {
        const worker = new Worker(new URL('./rate-hammer.ts', import.meta.url), {
          workerData: { rule, buffers, tries: 60_000, keys: 3 }
        })
        const [count] = (await once(worker, 'message')) as [number]
        await worker.terminate()
        return count
      })
    )
    t.equal(
      passed.reduce((sum, count) => sum + count),
      60_000,
      algorithm
    )
  }
})
