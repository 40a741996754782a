import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import t from 'tap'
import { FakeClock } from '../fakes/fake-clock.ts'
import { Gate, type GateConfig, type Admission, type Refusal } from '../../src/net/admission/gate.ts'
import { FULL, SharedCounts, TOO_FAST, UNTRACKED } from '../../src/shared/shared-counts.ts'

const tables = () => ({
  listeners: SharedCounts.create({ entries: 64, shared: false }),
  clients: SharedCounts.create({ entries: 1024, shared: false })
})
const gate = (config: Partial<GateConfig>, clock = new FakeClock(), shared = tables()) =>
  new Gate({ name: 'tcp', allow: [], deny: [], ...config }, shared, clock)

function enter(door: Gate, address: string | undefined): Admission | Refusal {
  const pass = door.enter()
  if (pass === undefined) return 'max-connections'
  const refusal = door.admit(address, pass)
  if (refusal === undefined) return pass
  pass.leave()
  return refusal
}

t.test('deny goes before allow, and a listener without either lets everybody in', async (t) => {
  const door = gate({ allow: ['10.0.0.0/8', '2001:db8::/32'], deny: ['10.9.0.0/16'] })
  t.type(enter(door, '10.1.1.1'), 'object')
  t.type(enter(door, '2001:db8::1'), 'object')
  t.equal(enter(door, '10.9.1.1'), 'denied')
  t.equal(enter(door, '192.0.2.1'), 'denied')
  t.type(enter(door, undefined), 'object', 'a client on a unix socket has no address')
  t.equal(door.needsAddress, true)
  t.equal(gate({}).needsAddress, false)
  t.type(enter(gate({}), '192.0.2.1'), 'object')
})

t.test('maxConnections holds for the listener, over all that share the table', async (t) => {
  const shared = tables()
  const [one, other] = [
    gate({ maxConnections: 2 }, undefined, shared),
    gate({ maxConnections: 2 }, undefined, shared)
  ]
  const elsewhere = gate({ maxConnections: 2, name: 'other' }, undefined, shared)
  const first = one.enter()!
  t.ok(other.enter())
  t.equal(one.enter(), undefined)
  t.ok(elsewhere.enter(), 'another listener has its own')
  first.leave()
  first.leave()
  t.ok(other.enter())
  t.equal(other.enter(), undefined, 'giving back twice counts once')
})

t.test('perClient counts each IPv4 address and each IPv6 /64', async (t) => {
  const door = gate({ connectionLimit: { perClient: 1 } })
  const first = enter(door, '192.0.2.1') as Admission
  t.equal(enter(door, '192.0.2.1'), 'client-connections')
  t.equal(enter(door, '::ffff:192.0.2.1'), 'client-connections')
  t.type(enter(door, '192.0.2.2'), 'object')
  t.type(enter(door, '2001:db8::1'), 'object')
  t.equal(enter(door, '2001:db8::ffff:ffff:ffff:ffff'), 'client-connections')
  t.type(enter(door, '2001:db8:0:1::1'), 'object')
  first.leave()
  t.type(enter(door, '192.0.2.1'), 'object')
})

t.test('rate lets one second’s worth through at once, then one at a time', async (t) => {
  const clock = new FakeClock()
  const door = gate({ connectionLimit: { ratePerSecond: 5 } }, clock)
  const burst = () =>
    Array.from({ length: 8 }, () => enter(door, '192.0.2.1')).filter((r) => r === 'client-rate')
  t.equal(burst().length, 3)
  clock.advance(200)
  t.equal(burst().length, 7)
  clock.advance(60_000)
  t.equal(burst().length, 3)
  const slow = gate({ connectionLimit: { ratePerSecond: 0.5 } }, clock)
  t.type(enter(slow, '192.0.2.9'), 'object')
  t.equal(enter(slow, '192.0.2.9'), 'client-rate')
  clock.advance(2_000)
  t.type(enter(slow, '192.0.2.9'), 'object')
})

t.test('an entry is reused once nothing is open and the rate has recovered, not before', async (t) => {
  const counts = SharedCounts.create({ entries: 16, shared: false })
  const limits = { most: 1, ratePerSecond: 1 }
  const places = Array.from({ length: 16 }, (_, i) => counts.take(1, 1, i + 1, limits, 0))
  t.equal(new Set(places).size, 16)
  t.equal(
    counts.take(9, 9, 9, limits, 0),
    UNTRACKED,
    'a full table lets through rather than shut everybody out'
  )
  for (const place of places.slice(0, 8)) counts.give(place)
  t.equal(counts.take(9, 9, 9, limits, 500), UNTRACKED)
  t.equal(counts.take(1, 1, 1, limits, 500), TOO_FAST)
  t.ok(counts.take(9, 9, 9, limits, 1_001) >= 0)
  t.equal(counts.take(1, 1, 16, limits, 1_001), FULL, 'those that are open still count')
})

t.test('counts are exact over threads, and a dead thread’s are given back', async (t) => {
  const counts = SharedCounts.create({ entries: 64, threads: 3 })
  const most = 4
  const results = await Promise.all(
    [1, 2].map(async (thread) => {
      const worker = new Worker(new URL('./admission-worker.ts', import.meta.url), {
        workerData: { buffers: counts.buffers, thread, rounds: 200_000, most }
      })
      const [message] = (await once(worker, 'message')) as [{ taken: number; worst: number; left: number }]
      await worker.terminate()
      return message
    })
  )
  t.ok(results.every(({ worst }) => worst <= most))
  t.ok(results.every(({ taken }) => taken > 1_000))
  const left = results.reduce((sum, { left }) => sum + left, 0)
  const open = () => {
    let sum = 0
    for (let place = 0; place < 64; place++) sum += counts.count(place)
    return sum
  }
  t.equal(open(), left)
  counts.releaseThread(1)
  counts.releaseThread(2)
  t.equal(open(), 0)
})
