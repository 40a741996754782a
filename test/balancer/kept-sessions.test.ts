import t from 'tap'
import { WINDOW_MS } from '../../src/balancer/pool/kept-sessions.ts'
import { Operator } from '../../src/balancer/pool/operator.ts'
import { hashString } from '../../src/core/hash-string.ts'
import { rig } from './fixtures.ts'

const HOUR = 3_600_000

function draining(sessionsMs: number) {
  const { pool, clock } = rig()
  const operator = new Operator({ clock })
  const [a] = pool.backends
  operator.setState(a!, 'drain', { sessionsMs })
  const pick = (sticky?: string) => {
    const lease = pool.acquire(sticky === undefined ? {} : { sticky })
    lease?.release('ok')
    return lease?.backend.name
  }
  return { pool, clock, operator, a: a!, pick }
}

t.test(
  'a draining backend keeps the holders of its cookie, takes nobody new, and lets all go when the time is up',
  async (t) => {
    const { clock, a, pick } = draining(2 * HOUR)
    t.equal(pick('a'), 'a')
    for (let i = 0; i < 20; i++) t.not(pick(), 'a')
    t.equal(a.sessions?.leftMs, 2 * HOUR)
    clock.advance(2 * HOUR - 1)
    t.equal(pick('a'), 'a')
    clock.advance(1)
    t.not(pick('a'), 'a')
    t.equal(a.sessions, undefined)
  }
)

t.test('a plain drain, maint and ready end what was kept', async (t) => {
  for (const state of ['drain', 'maint', 'ready'] as const) {
    const { operator, a, pick } = draining(HOUR)
    t.equal(pick('a'), 'a')
    operator.setState(a, state)
    t.equal(a.sessions, undefined, state)
    t.equal(pick('a') === 'a', state === 'ready', state)
  }
})

t.test('holders keep out of a backend that is full or down', async (t) => {
  const { pool, clock } = rig({
    backends: rig().pool.config.backends.map((each) => ({ ...each, maxConnections: 1 }))
  })
  const operator = new Operator({ clock })
  const [a] = pool.backends
  operator.setState(a!, 'drain', { sessionsMs: HOUR })
  const first = pool.acquire({ sticky: 'a' })!
  t.equal(first.backend.name, 'a')
  const second = pool.acquire({ sticky: 'a' })!
  t.not(second.backend.name, 'a')
  t.not(pool.acquire({ sticky: 'a', tried: [a!] })?.backend.name, 'a', 'nor once it was tried')
})

t.test('holders are counted each once, and forgotten when they have not come for two windows', async (t) => {
  const { clock, a } = draining(24 * HOUR)
  const come = (from: number, to: number) => {
    for (let i = from; i < to; i++)
      for (let time = 0; time < 3; time++) a.sawHolder(hashString(`10.0.${i >> 8}.${i & 255} Firefox`))
  }
  t.equal(a.sessions?.holders, 0)
  come(0, 1)
  t.equal(a.sessions?.holders, 1)
  come(0, 1000)
  const many = a.sessions!.holders
  t.ok(many > 900 && many < 1100, String(many))
  clock.advance(WINDOW_MS)
  come(0, 10)
  t.equal(a.sessions!.holders, many, 'the window before still counts')
  clock.advance(WINDOW_MS)
  t.equal(a.sessions!.holders, 10)
  clock.advance(2 * WINDOW_MS)
  t.equal(a.sessions!.holders, 0)
})
