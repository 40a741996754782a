import t from 'tap'
import { FakeClock } from '../fakes/fake-clock.ts'
import { seededRandom } from '../../src/core/random.ts'
import { Pool } from '../../src/balancer/pool/pool.ts'
import { SlotRegistry } from '../../src/balancer/table/slot-registry.ts'
import { BackendTable } from '../../src/balancer/table/table.ts'
import type { PoolConfig } from '../../src/config/model/model.ts'
import { Agenda } from '../../src/health/agenda.ts'
import { breakerPolicy } from '../../src/health/breaker.ts'
import { HealthChecker } from '../../src/health/health-checker.ts'
import { placesFor, ProbePlaces } from '../../src/health/probe-places.ts'
import type { Probe } from '../../src/health/probe.ts'
import { many, poolConfig } from '../balancer/fixtures.ts'
import { probeConfig, settled } from './fixtures.ts'

/** Pools over one table, probed as `behave` says. */
function checkedPools(configs: readonly Partial<PoolConfig>[], behave: Probe) {
  const clock = new FakeClock()
  const table = BackendTable.create({ capacity: 4096, poolCapacity: 8, shared: false })
  const full = configs.map((over, i) => poolConfig({ name: `pool${i}`, ...over }))
  const slots = new SlotRegistry(table, clock).assign(full)
  const random = seededRandom(3)
  const pools = full.map((config) => {
    const onRelease = breakerPolicy({ config: config.breaker, slowStartMs: 0, clock })
    return new Pool({ config, slots: slots[config.name]!, table, clock, random, onRelease })
  })
  const unable: string[] = []
  const checker = new HealthChecker({
    clock,
    random,
    probes: { tcp: behave },
    onUnable: ({ key }, reason) => unable.push(`${key} ${reason}`)
  })
  checker.watch(pools)
  t.teardown(() => checker.close())
  const run = async (ms: number) => {
    for (let passed = 0; passed < ms; passed += 20) {
      clock.advance(20)
      await settled()
    }
  }
  return { clock, pools, run, unable, checker }
}

const hang: Probe = (_target, signal) =>
  new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))
const fast = { intervalMs: 1000, timeoutMs: 2000 }

t.test('400 hung backends of one pool do not slow the probes of another', async (t) => {
  const starts: number[] = []
  const { clock, run } = checkedPools(
    [
      { backends: many(400), health: probeConfig(fast) },
      { backends: many(1), health: probeConfig({ ...fast, path: '/other' }) }
    ],
    (target, signal) => {
      if (target.config.path !== '/other') return hang(target, signal)
      starts.push(clock.now())
      return Promise.resolve('connected')
    }
  )
  await run(20_000)
  const gaps = starts.slice(1).map((at, i) => at - starts[i]!)
  t.ok(starts.length >= 20, `${starts.length} probes in 20 s`)
  t.ok(Math.max(...gaps) <= 1020, `longest gap ${Math.max(...gaps)} ms`)
})

t.test('a thousand hung backends are down within interval + timeout × fall', async (t) => {
  let hanging = false
  const { pools, run } = checkedPools(
    [{ backends: many(1000), health: probeConfig(fast) }],
    (target, signal) => (hanging ? hang(target, signal) : Promise.resolve('connected'))
  )
  await run(3000)
  t.equal(pools[0]!.backends.filter(({ probe }) => probe === 'up').length, 1000)
  hanging = true
  await run(1000 + 3 * 2000)
  t.equal(pools[0]!.backends.filter(({ probe }) => probe === 'down').length, 1000)
})

t.test(
  'however few the places, a pool that hangs leaves some to others, and the longest wait ends first',
  async (t) => {
    for (const total of [16, 64, 500]) {
      const places = new ProbePlaces(total)
      let inside = 0
      for (let i = 0; i < 2 * total; i++) places.enter('hung', () => inside++)
      t.ok(inside < total && inside > 0.8 * total, `${inside} of ${total}`)
      const order: string[] = []
      for (let i = 0; places.inside < total; i++) places.enter(`other${i}`, () => order.push(`other${i}`))
      t.ok(order.length > 0)
      const cancel = places.enter('b', () => order.push('never'))
      places.enter('b', () => order.push('b'))
      places.enter('c', () => order.push('c'))
      cancel()
      places.leave('other0')
      places.leave('hung')
      t.same(order.slice(-2), ['b', 'c'])
      t.equal(places.inside, total)
    }
    t.equal(placesFor(10_000, 256), 64)
    t.ok(placesFor(1000, 1e6) > 1000)
  }
)

t.test('a failure of this machine changes no backend, and is logged once', async (t) => {
  let code = ''
  const { pools, run, unable, checker } = checkedPools(
    [{ backends: many(50), health: probeConfig(fast) }],
    async () => {
      if (code !== '') throw Object.assign(new Error(`connect ${code}`), { code })
      return 'connected'
    }
  )
  await run(2000)
  for (code of ['EMFILE', 'ENFILE', 'ENOBUFS', 'EADDRNOTAVAIL', 'EAI_AGAIN', 'EAI_FAIL']) await run(5000)
  t.equal(pools[0]!.backends.filter(({ probe }) => probe === 'up').length, 50)
  t.match(checker.report(pools[0]!.backends[0]!)!.text, 'not judged: connect EAI_FAIL')
  t.ok(unable.length >= 3 && unable.length <= 4, `${unable.length} lines in 30 s`)
  code = 'ENOTFOUND'
  await run(10_000)
  t.equal(pools[0]!.backends.filter(({ probe }) => probe === 'down').length, 50, 'no such name is an answer')
})

t.test(
  'a backend that was down and has passed rise probes gets its trial, however long its breaker is open',
  async (t) => {
    let up = false
    const { pools, run } = checkedPools(
      [
        {
          backends: many(2),
          health: probeConfig(fast),
          breaker: { enabled: true, failures: 5, openMs: 600_000, maxOpenMs: 600_000, statuses: [] }
        }
      ],
      async ({ address }) => {
        if (!up && address.text === 'b0:80') throw new Error('refused')
        return 'connected'
      }
    )
    const [pool] = pools
    const [b0] = pool!.backends
    up = true
    await run(2000)
    while (b0!.breaker !== 'open')
      pool!.acquire({})!.release(pool!.acquire({}) === undefined ? 'ok' : 'reset')
    // A probe that always passes says nothing new: the breaker's own time holds.
    await run(60_000)
    t.equal(b0!.healthy, false)
    up = false
    await run(10_000)
    t.equal(b0!.probe, 'down')
    up = true
    await run(3000)
    t.equal(b0!.probe, 'up')
    const lease = [pool!.acquire({})!, pool!.acquire({})!].find(({ backend }) => backend === b0)!
    t.equal(b0!.breaker, 'half-open')
    lease.release('ok')
    t.equal(b0!.breaker, 'closed')
  }
)

t.test('an answer that was not read because this thread was busy is no timeout', async (t) => {
  let answer: (seen: string) => void = () => {}
  let startedAt = 0
  const { clock, pools, run } = checkedPools(
    [{ backends: many(1), health: probeConfig({ ...fast, fall: 1 }) }],
    () => {
      startedAt = clock.now()
      return new Promise((resolve) => (answer = resolve))
    }
  )
  await run(100)
  answer('connected')
  await run(1000)
  // Five seconds of garbage collection: timers come first, late; then sockets are read.
  const { now } = clock
  clock.now = () => now.call(clock) + 5000
  clock.advance(startedAt + 2000 - now.call(clock))
  answer('connected')
  await settled()
  t.equal(pools[0]!.backends[0]!.probe, 'up')
  clock.now = now
  await run(6000)
  t.equal(pools[0]!.backends[0]!.probe, 'down', 'one that hangs is seen all the same')
})

t.test('probes that are due together start together, never later than asked for', async (t) => {
  const clock = new FakeClock(1_000_003)
  const agenda = new Agenda(clock)
  const ran: [number, number][] = []
  for (let i = 0; i < 200; i++) {
    const ms = 200 + i
    const due = clock.now() + ms
    agenda.after(ms, () => ran.push([due, clock.now()]))
  }
  const cancel = agenda.after(300, () => t.fail('cancelled'))
  cancel()
  agenda.after(5, () => ran.push([clock.now(), clock.now()]))
  clock.advance(500)
  t.equal(ran.length, 201)
  t.ok(ran.every(([due, at]) => at <= due && due - at < 20))
  t.ok(new Set(ran.map(([, at]) => at)).size <= 12)
})
