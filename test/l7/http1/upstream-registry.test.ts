import t from 'tap'
import { Pool } from '../../../src/balancer/pool/pool.ts'
import { SlotRegistry } from '../../../src/balancer/table/slot-registry.ts'
import { BackendTable } from '../../../src/balancer/table/table.ts'
import { FakeClock } from '../../fakes/fake-clock.ts'
import { Deadlines } from '../../../src/core/deadlines.ts'
import { Metrics } from '../../../src/core/metrics/metrics.ts'
import { PoolUpstreams, UpstreamRegistry } from '../../../src/l7/http1/client/upstream-registry.ts'
import { configOf } from '../../runtime/configs.ts'

const clock = new FakeClock()
const table = BackendTable.create({ capacity: 64, poolCapacity: 8 })
const slots = new SlotRegistry(table, clock)

function poolOf(...backends: string[]): Pool {
  const { pools } = configOf({
    listeners: [{ bind: '127.0.0.1:1', mode: 'l7', pool: 'p' }],
    pools: { p: { backends: backends.map((address) => ({ name: `b${address.slice(-1)}`, address })) } }
  })
  const config = pools.p!
  return new Pool({ config, slots: slots.assign([config]).p!, table, clock, random: Math.random })
}

function setUp() {
  const registry = new UpstreamRegistry(
    { deadlines: new Deadlines(clock), clock, random: () => 0 },
    new Metrics()
  )
  const upstreams = (pool: Pool) => new PoolUpstreams(registry, pool, { config: pool.config, tls: undefined })
  const retain = (pool: Pool) => registry.retain(new Map([['p', pool]]))
  const use = (pool: Pool) => registry.use(new Map([['p', pool]]))
  return { upstreams, retain, use }
}

t.test('connections to a backend outlive the snapshot as long as pool, name and address stay', async (t) => {
  const { upstreams, retain } = setUp()
  const first = poolOf('127.0.0.1:1', '127.0.0.1:2')
  const before = upstreams(first)
  const [one, two] = first.backends.map((backend) => before.to(backend))
  retain(first)
  const second = poolOf('127.0.0.1:3', '127.0.0.1:1')
  const after = upstreams(second)
  retain(second)
  t.equal(after.to(second.byName('b1')!), one)
  t.not(after.to(second.byName('b3')!), two)
  t.equal(before.to(first.backends[0]!), one, 'also for a request that began before')
})

t.test('what is retired is not found again; one that comes back is new', async (t) => {
  const { upstreams, retain } = setUp()
  const first = poolOf('127.0.0.1:1', '127.0.0.1:2')
  const one = upstreams(first).to(first.backends[0]!)
  retain(first)
  const without = poolOf('127.0.0.1:2')
  const late = upstreams(first)
  upstreams(without)
  retain(without)
  const stray = late.to(first.backends[0]!)
  t.not(stray, one, 'a request of the old snapshot gets connections that close behind it')
  const again = upstreams(first)
  retain(first)
  t.not(again.to(first.backends[0]!), one)
  t.not(again.to(first.backends[0]!), stray)
})

t.test(
  'who has waited since an older snapshot reaches the backend it was given, wherever that stands',
  async (t) => {
    const { upstreams, retain } = setUp()
    const first = poolOf('127.0.0.1:1', '127.0.0.1:2')
    const before = upstreams(first)
    const [one, two] = first.backends.map((backend) => before.to(backend))
    retain(first)
    const next = poolOf('127.0.0.1:2', '127.0.0.1:1', '127.0.0.1:3')
    const after = upstreams(next)
    retain(next)
    for (const backend of next.backends) t.equal(before.to(backend), after.to(backend), backend.name)
    t.equal(before.to(next.byName('b1')!), one)
    t.equal(before.to(next.byName('b2')!), two)
    // The row of one that is gone was given to another.
    const other = poolOf('127.0.0.1:4')
    upstreams(other)
    retain(other)
    const config = other.config
    const row = { ...slots.assign([config]).p!, backends: [first.backends[0]!.slot] }
    const reused = new Pool({ config, slots: row, table, clock, random: Math.random })
    t.not(before.to(reused.backends[0]!), one)
    t.equal(before.to(reused.backends[0]!), upstreams(reused).to(reused.backends[0]!))
  }
)

t.test('what is opened to a new backend in the turn of the commit is kept', async (t) => {
  const { upstreams, retain, use } = setUp()
  const first = poolOf('127.0.0.1:1')
  const before = upstreams(first)
  const [one] = first.backends.map((backend) => before.to(backend))
  retain(first)
  const second = poolOf('127.0.0.1:2')
  const after = upstreams(second)
  use(second)
  const two = after.to(second.backends[0]!)
  t.equal(before.to(second.backends[0]!), two, 'also by who has waited since the old snapshot')
  retain(second)
  t.equal(upstreams(second).to(second.backends[0]!), two)
  t.not(upstreams(first).to(first.backends[0]!), one, 'what is gone is retired by then')
})

t.test(
  'what came with one commit and went with the next, before what is gone was dropped, is dropped',
  async (t) => {
    const { upstreams, retain, use } = setUp()
    const first = poolOf('127.0.0.1:1')
    upstreams(first)
    retain(first)
    const between = poolOf('127.0.0.1:1', '127.0.0.1:2')
    use(between)
    const two = upstreams(between).to(between.byName('b2')!)
    const last = poolOf('127.0.0.1:1', '127.0.0.1:3')
    upstreams(last)
    use(last)
    retain(last)
    t.not(upstreams(between).to(between.byName('b2')!), two)
  }
)
