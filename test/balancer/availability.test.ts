import t from 'tap'
import * as at from '../../src/balancer/table/columns.ts'
import { Operator } from '../../src/balancer/pool/operator.ts'
import type { Pool } from '../../src/balancer/pool/pool.ts'
import { OPEN, PROBE_DOWN, PROBE_UP, type ChangeEvent } from '../../src/balancer/pool/states.ts'
import type { AlgorithmName } from '../../src/config/model/model.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import { backendConfig, many, picks, rig, weighted } from './fixtures.ts'

function probe(pool: Pool, position: number, state: number): void {
  const { slot } = pool.backends[position]!
  Atomics.store(pool.table.ints, slot * at.INTS + at.PROBE, state)
  pool.table.bump(slot)
}

const share = (names: string[], name: string) => names.filter((other) => other === name).length / names.length

t.test('below the panic threshold health is ignored, but not the operator', async (t) => {
  const { pool, clock } = rig({ backends: many(10), panicThreshold: 0.3 })
  const operator = new Operator({ clock })
  for (let i = 0; i < 7; i++) probe(pool, i, PROBE_DOWN)
  t.equal(new Set(picks(pool, 100)).size, 3, 'three of ten are 30 %: enough')
  probe(pool, 7, PROBE_DOWN)
  t.equal(pool.panic, true)
  t.equal(new Set(picks(pool, 100)).size, 10)
  operator.setState(pool.backends[0]!, 'drain')
  operator.setState(pool.backends[1]!, 'maint')
  t.equal(new Set(picks(pool, 100)).size, 8)
  probe(pool, 5, PROBE_UP)
  probe(pool, 6, PROBE_UP)
  t.equal(pool.panic, false)
  t.equal(new Set(picks(pool, 100)).size, 4)
})

t.test('in a panic open breakers are ignored too, and no backend is singled out for a trial', async (t) => {
  for (const algorithm of ['least-connections', 'least-time', 'round-robin'] as AlgorithmName[]) {
    const { pool } = rig({ algorithm, backends: many(4), panicThreshold: 0.5 })
    for (const backend of pool.backends) {
      Atomics.store(pool.table.ints, backend.slot * at.INTS + at.BREAKER, OPEN)
      pool.table.setFloat(backend.slot, at.OPEN_UNTIL, Infinity)
      pool.table.bump(backend.slot)
    }
    const leases = Array.from({ length: 40 }, () => pool.acquire({})!)
    t.same(
      pool.backends.map((backend) => backend.active),
      [10, 10, 10, 10],
      algorithm
    )
    for (const lease of leases) lease.release('ok')
  }
})

t.test('healthy backups are preferred to a panic over dead primaries', async (t) => {
  const { pool } = rig({
    backends: [...weighted({ a: 1, b: 1 }), backendConfig('spare', { backup: true })],
    panicThreshold: 0.5
  })
  probe(pool, 0, PROBE_DOWN)
  probe(pool, 1, PROBE_DOWN)
  t.same(picks(pool, 3), ['spare', 'spare', 'spare'])
  probe(pool, 2, PROBE_DOWN)
  t.same([...new Set(picks(pool, 10))].sort(), ['a', 'b'], 'all dead: panic over the primaries')
})

t.test('drain and maint take no new lease, keep what is out, and say why and since when', async (t) => {
  const clock = new FakeClock()
  const events: ChangeEvent[] = []
  const { pool } = rig({}, { clock })
  const operator = new Operator({ clock, onChange: (event) => events.push(event) })
  const [a, b] = pool.backends
  const lease = pool.acquire({})!
  clock.advance(5)
  t.equal(operator.setState(a!, 'drain', { reason: 'deploy 42' }), true)
  t.equal(operator.setState(a!, 'drain'), false)
  operator.setState(b!, 'maint')
  t.same(picks(pool, 2), ['c', 'c'])
  t.equal(a!.active, 1)
  lease.release('ok')
  t.equal(operator.reason(a!), 'deploy 42')
  t.equal(pool.table.float(a!.slot, at.ADMIN_SINCE), clock.wall())
  operator.setState(a!, 'ready')
  t.same([...new Set(picks(pool, 4))].sort(), ['a', 'c'])
  t.same(
    events.map(({ axis, from, to }) => `${axis} ${from} ${to}`),
    ['admin ready drain', 'admin ready maint', 'admin drain ready']
  )
})

t.test('a weight given at run time counts at once, and a wrong one is refused', async (t) => {
  const { pool, clock } = rig({ algorithm: 'weighted-round-robin', backends: weighted({ a: 1, b: 1 }) })
  const operator = new Operator({ clock })
  operator.setWeight(pool.backends[0]!, 9)
  t.equal(share(picks(pool, 100), 'a'), 0.9)
  operator.setWeight(pool.backends[0]!, undefined)
  t.equal(share(picks(pool, 100), 'a'), 0.5)
  for (const weight of [0, -1, 1.5, 1001]) t.throws(() => operator.setWeight(pool.backends[0]!, weight))
})

t.test(
  'a backend that returns starts slowly, whatever the algorithm; none does when the process starts',
  async (t) => {
    const names = 'round-robin weighted-round-robin random random-two least-connections hash maglev'.split(
      ' '
    )
    for (const algorithm of names as AlgorithmName[]) {
      const { pool, clock } = rig({ algorithm, backends: weighted({ a: 1, b: 1 }), slowStartMs: 10_000 })
      const shareOfA = () => {
        let count = 0
        for (let i = 0; i < 4000; i++) {
          const lease = pool.acquire({ hash: (i * 2654435761) >>> 0 })!
          lease.release('ok')
          if (lease.backend.name === 'a') count++
        }
        return count / 4000
      }
      t.ok(Math.abs(shareOfA() - 0.5) < 0.05, `${algorithm}: even at the start`)
      const operator = new Operator({ clock })
      operator.setState(pool.backends[0]!, 'maint', { slowStartMs: 10_000 })
      t.equal(shareOfA(), 0)
      operator.setState(pool.backends[0]!, 'ready', { slowStartMs: 10_000 })
      const early = shareOfA()
      t.ok(early > 0.02 && early < 0.15, `${algorithm}: ${early} at first`)
      clock.advance(5_000)
      const middle = shareOfA()
      t.ok(middle > early && middle < 0.45, `${algorithm}: ${middle} half way`)
      clock.advance(5_000)
      t.ok(Math.abs(shareOfA() - 0.5) < 0.05, `${algorithm}: even again`)
    }
  }
)

t.test('least connections does not run to a backend in slow start', async (t) => {
  const { pool, clock } = rig({
    algorithm: 'least-connections',
    backends: weighted({ a: 1, b: 1 }),
    slowStartMs: 10_000
  })
  const operator = new Operator({ clock })
  operator.setState(pool.backends[0]!, 'maint', { slowStartMs: 10_000 })
  for (let i = 0; i < 20; i++) pool.acquire({})
  operator.setState(pool.backends[0]!, 'ready', { slowStartMs: 10_000 })
  for (let i = 0; i < 10; i++) pool.acquire({})
  t.ok(pool.backends[0]!.active <= 3, `${pool.backends[0]!.active} of the next ten`)
})

t.test('backends that a reload adds start slowly, those that it keeps do not', async (t) => {
  const { pool, clock, registry } = rig({ slowStartMs: 10_000, backends: many(2) })
  const config = { ...pool.config, backends: many(3) }
  const slots = registry.assign([config]).web!
  t.same(
    slots.backends.slice(0, 2),
    pool.backends.map((backend) => backend.slot)
  )
  t.same(
    slots.backends.map((slot) => pool.table.float(slot, at.SLOW_SINCE) > 0),
    [false, false, true]
  )
  t.ok(clock.now() > 0)
})

t.test('a sticky name is honoured while that backend is available, else the algorithm picks', async (t) => {
  const { pool, clock } = rig()
  const operator = new Operator({ clock })
  for (let i = 0; i < 5; i++) t.equal(pool.acquire({ sticky: 'b' })!.backend.name, 'b')
  t.ok(pool.acquire({ sticky: 'nobody' }))
  t.not(pool.acquire({ sticky: 'b', tried: [pool.backends[1]!] })!.backend.name, 'b')
  operator.setState(pool.backends[1]!, 'drain')
  t.not(pool.acquire({ sticky: 'b' })!.backend.name, 'b')
})
