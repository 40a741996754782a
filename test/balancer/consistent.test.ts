import t from 'tap'
import { hashString, mix32 } from '../../src/core/hash-string.ts'
import * as at from '../../src/balancer/table/columns.ts'
import type { Pool } from '../../src/balancer/pool/pool.ts'
import { PROBE_DOWN } from '../../src/balancer/pool/states.ts'
import type { BackendConfig } from '../../src/config/model/model.ts'
import { many, rig } from './fixtures.ts'

const KEYS = 50_000

/** Backend of each key. */
function mapping(algorithm: 'hash' | 'maglev', backends: BackendConfig[]): string[] {
  return mapped(rig({ algorithm, backends }).pool)
}

function mapped(pool: Pool): string[] {
  return Array.from({ length: KEYS }, (_, key) => {
    const lease = pool.acquire({ hash: mix32(key) })!
    lease.release('ok')
    return lease.backend.name
  })
}

/** Share of keys that changed backend though theirs is still there. */
function moved(before: string[], after: string[], gone: string): number {
  return before.filter((name, key) => name !== gone && name !== after[key]).length / KEYS
}

for (const [algorithm, most] of [
  ['hash', 0.015],
  ['maglev', 0.02]
] as const) {
  t.test(`${algorithm}: removing one of 100 backends moves few keys beyond its own`, async (t) => {
    const before = mapping(algorithm, many(100))
    for (const gone of [0, 37, 99]) {
      const after = mapping(algorithm, many(100).toSpliced(gone, 1))
      const share = moved(before, after, `b${gone}`)
      t.ok(share <= most, `${(100 * share).toFixed(2)} % without b${gone}`)
    }
  })

  t.test(`${algorithm}: adding one to 100 moves few keys but to it`, async (t) => {
    const after = mapping(algorithm, many(101))
    const before = mapping(algorithm, many(100))
    const strayed = before.filter((name, key) => name !== after[key] && after[key] !== 'b100').length / KEYS
    t.ok(strayed <= most, `${(100 * strayed).toFixed(2)} %`)
  })

  t.test(`${algorithm}: while a backend is down its keys alone move, and they return`, async (t) => {
    const { pool } = rig({ algorithm, backends: many(20) })
    const before = mapped(pool)
    const down = pool.backends[7]!
    Atomics.store(pool.table.ints, down.slot * at.INTS + at.PROBE, PROBE_DOWN)
    pool.table.bump(down.slot)
    const during = mapped(pool)
    t.equal(moved(before, during, 'b7'), 0)
    const heirs = new Set(during.filter((_, key) => before[key] === 'b7'))
    t.equal(heirs.size, 19, 'all others share what it leaves')
    Atomics.store(pool.table.ints, down.slot * at.INTS + at.PROBE, 1)
    pool.table.bump(down.slot)
    t.same(mapped(pool), before)
  })

  t.test(`${algorithm}: the order of the file does not matter much, the names do`, async (t) => {
    const before = mapping(algorithm, many(20))
    const after = mapping(algorithm, many(20).reverse())
    t.ok(moved(before, after, '') <= (algorithm === 'hash' ? 0.0005 : 0.02))
  })
}

for (const algorithm of ['hash', 'maglev'] as const) {
  t.test(`${algorithm}: prepared in pieces or made by the first pick, the table is the same`, async (t) => {
    const backends = many(9_000, (i) => ({ weight: 1 + (i % 3) }))
    const [prepared, other] = [rig({ algorithm, backends }).pool, rig({ algorithm, backends }).pool]
    const pieces = [...prepared.prepare()].length
    t.ok(pieces > 2, `${pieces} pieces`)
    t.same(mapped(prepared), mapped(other))
  })
}

t.test('hash: a backend over its bound passes its keys on to the next, and takes them back', async (t) => {
  const { pool } = rig({
    algorithm: 'hash',
    hash: { key: { kind: 'client-ip' }, boundedLoad: 1.25 },
    backends: many(4)
  })
  const leases = Array.from({ length: 400 }, () => pool.acquire({ hash: 77 })!)
  const most = Math.max(...pool.backends.map((backend) => backend.active))
  t.ok(most <= 126, `one key's 400 leases: ${pool.backends.map((backend) => backend.active).join(' ')}`)
  const home = leases[0]!.backend
  for (const lease of leases) lease.release('ok')
  t.equal(pool.acquire({ hash: 77 })!.backend, home)
})

t.test('what has no key is spread instead of heaped on one', async (t) => {
  for (const algorithm of ['hash', 'maglev'] as const) {
    const { pool } = rig({ algorithm, backends: many(4) })
    const seen = new Set(Array.from({ length: 100 }, () => pool.acquire({})!.backend.name))
    t.equal(seen.size, 4)
  }
})

t.test('hashes of similar texts differ in about half their bits', async (t) => {
  let bits = 0
  for (let i = 0; i < 1000; i++) {
    let difference = hashString(`10.0.${i >> 8}.${i & 255}`) ^ hashString(`10.0.${i >> 8}.${(i & 255) + 1}`)
    for (; difference !== 0; difference &= difference - 1) bits++
  }
  t.ok(Math.abs(bits / 1000 - 16) < 0.5, `${bits / 1000} bits`)
  t.equal(hashString('10.0.0.1'), hashString('10.0.0.1'))
})
