import t from 'tap'
import { breakerPolicy, trialIsDue } from '../../src/health/breaker.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import type { Outcome } from '../../src/balancer/pool/lease.ts'
import type { Pool } from '../../src/balancer/pool/pool.ts'
import type { ChangeEvent } from '../../src/balancer/pool/states.ts'
import * as at from '../../src/balancer/table/columns.ts'
import { giveBack, passOver } from '../../src/balancer/table/give-back.ts'
import { backendConfig, many, poolConfig, rig, weighted } from '../balancer/fixtures.ts'

function broken(over: Parameters<typeof rig>[0] = {}) {
  const clock = new FakeClock()
  const events: ChangeEvent[] = []
  const onChange = (event: ChangeEvent) => void events.push(event)
  const config = poolConfig({ backends: weighted({ a: 1, b: 1 }), ...over })
  const { slowStartMs, breaker } = config
  const onRelease = breakerPolicy({ config: breaker, slowStartMs, clock, onChange })
  const { pool, table } = rig(config, { clock, onChange, onRelease, size: { threads: 2 } })
  return { clock, pool, table, events, states: () => events.map(({ from, to }) => `${from}>${to}`) }
}

/** `count` picks of backend `a`, each ending in `outcome`. */
function fail(pool: Pool, count: number, outcome: Outcome = 'bad-status'): void {
  const others = pool.backends.filter((backend) => backend.name !== 'a')
  for (let i = 0; i < count; i++) pool.acquire({ tried: others })?.release(outcome)
}

t.test('five failures in a row open the breaker, and four do not', async (t) => {
  const { pool, states, events } = broken()
  fail(pool, 4)
  fail(pool, 1, 'ok')
  fail(pool, 4)
  t.equal(pool.backends[0]!.breaker, 'closed')
  fail(pool, 1)
  t.equal(pool.backends[0]!.breaker, 'open')
  t.same(states(), ['closed>open'])
  t.equal(events[0]!.reason, '5 failures in a row, the last: bad-status')
  t.equal(pool.acquire({ tried: [pool.backends[1]!] }), undefined)
})

t.test('what says nothing about the backend neither opens the breaker nor resets its count', async (t) => {
  const { pool } = broken()
  fail(pool, 4)
  fail(pool, 10, 'cancelled')
  fail(pool, 10, 'unused')
  t.equal(pool.backends[0]!.breaker, 'closed')
  fail(pool, 1, 'connect-failure')
  t.equal(pool.backends[0]!.breaker, 'open')
})

t.test(
  'an open breaker lets exactly one trial through after the cooldown, and its success closes it',
  async (t) => {
    const { pool, clock, states } = broken()
    fail(pool, 5)
    clock.advance(9_999)
    t.equal(pool.acquire({ tried: [pool.backends[1]!] }), undefined)
    clock.advance(1)
    const trial = pool.acquire({ tried: [pool.backends[1]!] })!
    t.equal(trial.backend.breaker, 'half-open')
    t.equal(pool.acquire({ tried: [pool.backends[1]!] }), undefined, 'one only')
    trial.release('ok')
    t.equal(pool.backends[0]!.breaker, 'closed')
    t.ok(pool.acquire({ tried: [pool.backends[1]!] }))
    t.same(states(), ['closed>open', 'open>half-open', 'half-open>closed'])
  }
)

t.test('a failed trial opens the breaker for twice as long, up to maxOpen', async (t) => {
  const { pool, clock } = broken()
  fail(pool, 5)
  const waits: number[] = []
  for (let i = 0; i < 4; i++) {
    const from = clock.now()
    let trial
    while ((trial = pool.acquire({ tried: [pool.backends[1]!] })) === undefined) clock.advance(1000)
    waits.push(clock.now() - from)
    trial.release('timeout')
  }
  t.same(waits, [10_000, 20_000, 40_000, 60_000])
  clock.advance(60_000)
  fail(pool, 1, 'ok')
  fail(pool, 5)
  t.equal(pool.acquire({ tried: [pool.backends[1]!] }), undefined)
  clock.advance(10_000)
  t.ok(pool.acquire({ tried: [pool.backends[1]!] }), 'a success forgets the growth')
})

t.test('results of requests begun before the breaker moved are ignored', async (t) => {
  const { pool, clock } = broken()
  const old = Array.from({ length: 3 }, () => pool.acquire({ tried: [pool.backends[1]!] })!)
  fail(pool, 5)
  old[0]!.release('ok')
  t.equal(pool.backends[0]!.breaker, 'open', 'a late success does not close it')
  clock.advance(10_000)
  const trial = pool.acquire({ tried: [pool.backends[1]!] })!
  old[1]!.release('ok')
  t.equal(pool.backends[0]!.breaker, 'half-open', 'nor does it stand in for the trial')
  old[2]!.release('reset')
  t.equal(pool.backends[0]!.breaker, 'half-open')
  trial.release('ok')
  t.equal(pool.backends[0]!.breaker, 'closed')
})

t.test('a cancelled trial makes room for another', async (t) => {
  const { pool, clock } = broken()
  fail(pool, 5)
  clock.advance(10_000)
  pool.acquire({ tried: [pool.backends[1]!] })!.release('cancelled')
  t.ok(pool.acquire({ tried: [pool.backends[1]!] }))
})

t.test('a trial that never ends is replaced after a minute', async (t) => {
  const { pool, clock } = broken()
  fail(pool, 5)
  clock.advance(10_000)
  const lost = pool.acquire({ tried: [pool.backends[1]!] })!
  clock.advance(59_999)
  t.equal(pool.acquire({ tried: [pool.backends[1]!] }), undefined)
  clock.advance(1)
  const second = pool.acquire({ tried: [pool.backends[1]!] })!
  t.ok(second)
  t.equal(pool.acquire({ tried: [pool.backends[1]!] }), undefined)
  lost.release('reset')
  t.equal(pool.backends[0]!.breaker, 'half-open', 'the lost one no longer counts')
  second.release('ok')
  t.equal(pool.backends[0]!.breaker, 'closed')
})

t.test(
  'the trial of a thread that died, or is stuck, is replaced at once; that of another is not',
  async (t) => {
    for (const lose of [giveBack, passOver]) {
      const { pool, clock, table } = broken()
      const next = () => pool.acquire({ tried: [pool.backends[1]!] })
      fail(pool, 5)
      clock.advance(10_000)
      const lost = next()!
      lose(table, table.thread + 1)
      t.equal(next(), undefined, 'somebody else died')
      lose(table, table.thread)
      const second = next()!
      t.equal(second.backend.breaker, 'half-open')
      t.equal(next(), undefined, 'one only')
      if (lose === passOver) {
        // It was only stuck, and goes on: it has the trial no more.
        lost.release('reset')
        t.equal(pool.backends[0]!.breaker, 'half-open')
      }
      second.release('ok')
      t.equal(pool.backends[0]!.breaker, 'closed')
      lose(table, table.thread)
      t.ok(next(), 'a closed breaker is left alone')
    }
  }
)

t.test('a trial that began before the backend went down and returned is replaced', async (t) => {
  const { pool, clock } = broken()
  const next = () => pool.acquire({ tried: [pool.backends[1]!] })
  fail(pool, 5)
  clock.advance(10_000)
  const hangs = next()!
  t.equal(next(), undefined)
  trialIsDue(pool.backends[0]!, clock)
  next()!.release('ok')
  t.equal(pool.backends[0]!.breaker, 'closed')
  hangs.release('timeout')
  t.equal(pool.backends[0]!.breaker, 'closed')
})

t.test('a breaker that is turned off never opens', async (t) => {
  const { pool } = broken({ breaker: { ...poolConfig().breaker, enabled: false } })
  fail(pool, 100)
  t.equal(pool.backends[0]!.breaker, 'closed')
})

t.test('a backend that answers badly is out after five, unless the others answer no better', async (t) => {
  const { pool, table } = broken({ backends: weighted({ a: 1, b: 1, c: 1 }) })
  const [a, b, c] = pool.backends.map(({ slot }) => slot * at.INTS + at.STREAK) as [number, number, number]
  table.ints[b] = table.ints[c] = 1
  fail(pool, 5)
  t.equal(pool.backends[0]!.breaker, 'closed', 'perhaps it is the request, or the application')
  table.ints[b] = 0
  fail(pool, 5)
  t.equal(pool.backends[0]!.breaker, 'open', 'asked again after as many')
  t.equal(table.ints[a], 0)
})

t.test('at most half of a pool is out because of its responses', async (t) => {
  for (const [size, most] of [
    [1, 0],
    [2, 1],
    [3, 1],
    [4, 2],
    [9, 4]
  ] as const) {
    const { pool } = broken({ backends: many(size) })
    for (const backend of pool.backends) {
      const others = pool.backends.filter((other) => other !== backend)
      for (let i = 0; i < 5; i++) pool.acquire({ tried: others })?.release('bad-status')
    }
    const out = pool.backends.filter(({ breaker }) => breaker === 'open').length
    t.ok(out <= most && (size === 1 || out > 0), `${out} of ${size}`)
  }
})

t.test('whatever fails, the last backend in service stays', async (t) => {
  const { pool, clock, states } = broken({ backends: many(3) })
  for (let i = 0; i < 60; i++) pool.acquire({})?.release('connect-failure')
  t.same(pool.backends.map(({ breaker }) => breaker).sort(), ['closed', 'open', 'open'])
  t.ok(pool.acquire({}), 'it may be back this moment')
  t.equal(states().length, 2)
  clock.advance(10_000)
  for (let i = 0; i < 60; i++) pool.acquire({})?.release('ok')
  t.ok(pool.backends.every(({ breaker }) => breaker === 'closed'))
})

t.test('a primary may be removed while a backup is available', async (t) => {
  const { pool } = broken({ backends: [...weighted({ a: 1 }), backendConfig('spare', { backup: true })] })
  for (let i = 0; i < 5; i++) pool.acquire({})!.release('bad-status')
  t.equal(pool.acquire({})!.backend.name, 'spare')
})
