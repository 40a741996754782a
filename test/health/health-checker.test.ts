import t from 'tap'
import { FakeClock } from '../fakes/fake-clock.ts'
import { seededRandom } from '../../src/core/random.ts'
import { HealthChecker } from '../../src/health/health-checker.ts'
import type { Probe } from '../../src/health/probe.ts'
import type { ChangeEvent } from '../../src/balancer/pool/states.ts'
import { many, rig } from '../balancer/fixtures.ts'
import { probeConfig, settled } from './fixtures.ts'

/** A checker whose probes do what `behave` says, over `count` backends. */
function checked(count: number, behave: Probe, health = probeConfig(), concurrency = 100) {
  const clock = new FakeClock()
  const { pool, table, registry } = rig({ backends: many(count), health }, { clock })
  const events: ChangeEvent[] = []
  const probes = { tcp: behave }
  const checker = new HealthChecker({
    clock,
    random: seededRandom(7),
    probes,
    concurrency,
    onChange: (event) => events.push(event)
  })
  checker.watch([pool])
  t.teardown(() => checker.close())
  const run = async (ms: number) => {
    for (let passed = 0; passed < ms; passed += 10) {
      clock.advance(10)
      await settled()
    }
  }
  return { clock, pool, table, registry, events, checker, run }
}

const hang: Probe = (_target, signal) =>
  new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))

t.test('a backend may serve before its first verdict, which one probe decides', async (t) => {
  const { pool, run, events } = checked(2, async ({ address }) => {
    if (address.text === 'b1:80') throw new Error('refused')
    return 'connected'
  })
  t.same(
    pool.backends.map((backend) => [backend.probe, backend.available]),
    [
      ['unknown', true],
      ['unknown', true]
    ]
  )
  await run(50)
  t.same(
    pool.backends.map((backend) => backend.probe),
    ['up', 'down']
  )
  t.same(
    events.map(({ backend, from, to, reason }) => [backend, from, to, reason]),
    [
      ['b0', 'unknown', 'up', 'probe passed: connected'],
      ['b1', 'unknown', 'down', 'probe failed: refused']
    ]
  )
  t.same(
    Array.from({ length: 4 }, () => pool.acquire({})!.backend.name),
    ['b0', 'b0', 'b0', 'b0']
  )
})

t.test('a backend that hangs is out within interval + timeout × fall, with one event', async (t) => {
  let hanging = false
  const { pool, run, events, clock } = checked(1, (target, signal) =>
    hanging ? hang(target, signal) : Promise.resolve('connected')
  )
  await run(5_300)
  events.length = 0
  hanging = true
  const since = clock.now()
  while (pool.backends[0]!.available && clock.now() - since < 60_000) await run(10)
  t.ok(clock.now() - since <= 5000 + 3 * 2000, `out after ${clock.now() - since} ms`)
  t.equal(events.length, 1)
  t.match(events[0]!.reason, /3 probes failed: no answer within 2000 ms/)
})

t.test('a backend that is down is probed every second and returns after rise successes', async (t) => {
  let up = false
  let count = 0
  const { pool, run } = checked(1, async () => {
    count++
    if (!up) throw new Error('refused')
    return 'connected'
  })
  await run(10_000)
  t.ok(count >= 10 && count <= 12, `${count} probes in 10 s`)
  t.equal(pool.backends[0]!.available, false)
  up = true
  await run(2_000)
  t.equal(pool.backends[0]!.available, true)
})

t.test('two thousand backends are spread over the interval, a hundred probes at once at most', async (t) => {
  let under = 0
  let most = 0
  const starts: number[] = []
  const clockBox: { clock?: FakeClock } = {}
  const probe: Probe = async () => {
    starts.push(clockBox.clock!.now())
    most = Math.max(most, ++under)
    await settled()
    under--
    return 'connected'
  }
  const { clock, checker, pool } = checked(2000, probe)
  clockBox.clock = clock
  const from = clock.now()
  while (clock.now() - from < 5_000) {
    clock.advance(50)
    await settled()
    await settled()
  }
  t.equal(starts.length >= 2_000, true, `${starts.length} probes`)
  t.ok(most <= 110, `${most} at once`)
  const perSecond = [0, 1, 2, 3, 4].map(
    (s) => starts.filter((at) => Math.floor((at - from) / 1000) === s).length
  )
  // 400 each, and in the last second the first of the second round: jitter shortens.
  t.ok(Math.max(...perSecond) <= 520, `per second: ${perSecond.join(' ')}`)
  checker.close()
  t.equal(pool.backends.length, 2000)
})

t.test('no more probes run at once than allowed, and all get their turn', async (t) => {
  const seen = new Set<string>()
  let under = 0
  let most = 0
  const { run } = checked(
    20,
    async ({ address }) => {
      most = Math.max(most, ++under)
      seen.add(address.text)
      await settled()
      await settled()
      under--
      return 'connected'
    },
    probeConfig(),
    3
  )
  await run(1000)
  t.equal(most, 3)
  t.equal(seen.size, 20)
})

t.test('a probe that runs when its pool is removed is aborted and says nothing', async (t) => {
  let aborted = false
  const { checker, run, pool, events } = checked(1, (target, signal) => {
    signal.addEventListener('abort', () => (aborted = true))
    return hang(target, signal)
  })
  await run(100)
  checker.watch([])
  await run(5_000)
  t.equal(aborted, true)
  t.same(events, [])
  t.equal(pool.backends[0]!.probe, 'unknown')
  t.equal(checker.probing, 0)
})

t.test(
  'watching again keeps what is unchanged and forgets the verdict of what is no longer probed',
  async (t) => {
    let count = 0
    const { checker, run, pool, events } = checked(2, async () => {
      count++
      throw new Error('refused')
    })
    await run(20)
    t.equal(count, 2)
    checker.watch([pool])
    await run(100)
    t.equal(count, 2, 'not probed anew')
    checker.watch([])
    t.same(
      pool.backends.map((backend) => backend.probe),
      ['unknown', 'unknown']
    )
    t.equal(events.length, 2)
  }
)
