import t from 'tap'
import * as at from '../../src/balancer/table/columns.ts'
import type { Pool } from '../../src/balancer/pool/pool.ts'
import type { ChangeEvent } from '../../src/balancer/pool/states.ts'
import type { OutlierConfig } from '../../src/config/model/model.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import { OutlierDetector } from '../../src/health/outlier-detector.ts'
import { outliers, type Tally } from '../../src/health/outliers.ts'
import { many, rig } from '../balancer/fixtures.ts'

const config: OutlierConfig = {
  intervalMs: 10_000,
  minRequests: 10,
  errorShare: 0.3,
  ejectMs: 30_000,
  maxEjected: 0.5
}

function tallies(...failures: number[]): Tally[] {
  return failures.map((failed) => ({ requests: 100, failures: failed, ejected: false }))
}

t.test('who fails more than the rest of the pool is ejected, the worst first', async (t) => {
  t.same(outliers(tallies(0, 0, 0, 60, 90), config), [4, 3])
  t.same(outliers(tallies(0, 100), config), [1], 'one bad of two')
  t.same(outliers(tallies(5, 10, 20, 3), config), [])
})

t.test('when all fail alike nobody is ejected', async (t) => {
  t.same(outliers(tallies(100, 100, 100, 100), config), [])
})

t.test('no more than the greatest share is out, and always one is left', async (t) => {
  t.same(outliers(tallies(0, 0, 0, 99, 98, 97), { ...config, maxEjected: 0.34 }), [3, 4])
  t.same(outliers([{ requests: 100, failures: 100, ejected: false }], { ...config, maxEjected: 1 }), [])
  const one = outliers(tallies(100, 0), { ...config, maxEjected: 1 })
  t.same(one, [0])
  const ejected = { requests: 0, failures: 0, ejected: true }
  t.same(outliers([ejected, ...tallies(100, 0)], { ...config, maxEjected: 0.67 }), [1])
  t.same(outliers([ejected, ejected, ...tallies(100)], { ...config, maxEjected: 1 }), [])
})

t.test('few requests say nothing', async (t) => {
  t.same(outliers([...tallies(0), { requests: 9, failures: 9, ejected: false }], config), [])
})

/** `count` requests through the pool; `b0` fails all of its. */
function load(pool: Pool, count: number): void {
  for (let i = 0; i < count; i++) {
    const lease = pool.acquire({})!
    lease.release(lease.backend.name === 'b0' ? 'bad-status' : 'ok')
  }
}

t.test(
  'a backend is ejected after an interval, comes back, and stays out longer the next time',
  async (t) => {
    const clock = new FakeClock()
    const events: ChangeEvent[] = []
    const { pool } = rig({ backends: many(4), outlier: config }, { clock })
    const detector = new OutlierDetector({ clock, onChange: (event) => events.push(event) })
    t.teardown(() => detector.close())
    detector.watch([pool])
    load(pool, 400)
    clock.advance(10_000)
    t.equal(pool.backends[0]!.ejected, true)
    t.match(events[0], { axis: 'ejection', to: 'ejected', reason: /100 of 100 requests failed/ })
    load(pool, 300)
    t.equal(pool.table.total(pool.backends[0]!.slot, at.REQUESTS), 100, 'no more of them')
    clock.advance(30_000)
    t.equal(pool.backends[0]!.ejected, false)
    load(pool, 400)
    clock.advance(10_000)
    t.equal(pool.backends[0]!.ejected, true)
    clock.advance(50_000)
    t.equal(pool.backends[0]!.ejected, true, 'twice as long')
    clock.advance(10_000)
    t.equal(pool.backends[0]!.ejected, false)
    detector.watch([])
  }
)
