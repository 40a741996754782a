import t from 'tap'
import { picks, rig, weighted, backendConfig } from './fixtures.ts'

t.test('round robin goes from one to the next and begins again', async (t) => {
  t.same(picks(rig().pool, 7), ['a', 'b', 'c', 'a', 'b', 'c', 'a'])
})

t.test('weighted round robin of 5, 1, 1 gives a a b a c a a', async (t) => {
  const { pool } = rig({ algorithm: 'weighted-round-robin', backends: weighted({ a: 5, b: 1, c: 1 }) })
  t.same(picks(pool, 14).join(' '), 'a a b a c a a a a b a c a a')
})

t.test('least connections takes the backend with the fewest leases for its weight', async (t) => {
  const { pool } = rig({ algorithm: 'least-connections', backends: weighted({ a: 2, b: 1 }) })
  const leases = Array.from({ length: 9 }, () => pool.acquire({})!)
  t.same(
    pool.backends.map((backend) => backend.active),
    [6, 3]
  )
  leases.filter((lease) => lease.backend.name === 'b').forEach((lease) => lease.release('ok'))
  t.equal(pool.acquire({})!.backend.name, 'b')
  t.same(picks(pool, 1), ['b'])
})

t.test('least connections goes round an idle pool in turn', async (t) => {
  const { pool } = rig({ algorithm: 'least-connections' })
  const seen = picks(pool, 300)
  for (const name of ['a', 'b', 'c']) t.equal(seen.filter((other) => other === name).length, 100)
})

t.test('a lease counts once and is given back once', async (t) => {
  const { pool } = rig({ backends: [backendConfig('a', { maxConnections: 1 })] })
  const lease = pool.acquire({})!
  t.equal(pool.backends[0]!.active, 1)
  t.equal(pool.acquire({}), undefined, 'the only backend is full')
  t.equal(pool.saturated, true)
  lease.release('ok')
  lease.release('ok')
  t.equal(pool.backends[0]!.active, 0)
  t.equal(pool.saturated, false)
})

t.test('backends tried already are passed over', async (t) => {
  const { pool } = rig()
  const [a, b, c] = pool.backends
  t.equal(pool.acquire({ tried: [a!, c!] })!.backend, b)
  t.equal(pool.acquire({ tried: [a!, b!, c!] }), undefined)
})
