import type { LookupAddress } from 'node:dns'
import t from 'tap'
import { FakeClock } from '../fakes/fake-clock.ts'
import { cachedLookup, type Lookup, type Resolve } from '../../src/net/dial/lookup.ts'

type Answer = { error: string | undefined; addresses: string[] }

const addressesOf = (lookup: Lookup, name = 'db.test') =>
  new Promise<Answer>((resolve) => {
    lookup(name, { all: true }, (error, addresses) => {
      const list = (addresses as LookupAddress[]).map(({ address }) => address)
      resolve({ error: error?.code, addresses: list })
    })
  })

/** A resolver that counts what it is asked and answers with what it is told to. */
function resolver() {
  const state = {
    asked: 0,
    answer: ['10.0.0.1'] as string[] | undefined,
    code: 'EAI_AGAIN',
    pending: [] as (() => void)[],
    hold: false
  }
  const resolve: Resolve = (_name, callback) => {
    state.asked++
    const { answer } = state
    const settle = () =>
      answer === undefined
        ? callback(Object.assign(new Error('no'), { code: state.code }), [])
        : callback(
            null,
            answer.map((address) => ({ address, family: 4 }))
          )
    if (state.hold) state.pending.push(settle)
    else process.nextTick(settle)
  }
  return { state, resolve }
}

t.test('a name is asked for once in five seconds, however many dial it at once', async (t) => {
  const clock = new FakeClock()
  const { state, resolve } = resolver()
  const lookup = cachedLookup(clock, resolve)
  const all = await Promise.all([addressesOf(lookup), addressesOf(lookup), addressesOf(lookup)])
  t.same(all, Array(3).fill({ error: undefined, addresses: ['10.0.0.1'] }))
  clock.advance(4_900)
  await addressesOf(lookup)
  t.equal(state.asked, 1)
  await addressesOf(lookup, 'other.test')
  t.equal(state.asked, 2)
})

t.test('after that the old answer serves while the new one is awaited', async (t) => {
  const clock = new FakeClock()
  const { state, resolve } = resolver()
  const lookup = cachedLookup(clock, resolve)
  await addressesOf(lookup)
  clock.advance(5_100)
  state.hold = true
  state.answer = ['10.0.0.2']
  t.same((await addressesOf(lookup)).addresses, ['10.0.0.1'])
  await addressesOf(lookup)
  t.equal(state.asked, 2, 'and is asked for once')
  for (const settle of state.pending.splice(0)) settle()
  t.same((await addressesOf(lookup)).addresses, ['10.0.0.2'])
})

t.test(
  'while the resolver is away the last answer stands; when it knows no such name, for five minutes',
  async (t) => {
    const clock = new FakeClock()
    const { state, resolve } = resolver()
    const lookup = cachedLookup(clock, resolve)
    await addressesOf(lookup)
    state.answer = undefined
    for (let elapsed = 0; elapsed < 1_000_000; elapsed += 10_000) {
      clock.advance(10_000)
      t.same((await addressesOf(lookup)).addresses, ['10.0.0.1'])
    }
    state.answer = ['10.0.0.1']
    clock.advance(10_000)
    await addressesOf(lookup)
    await addressesOf(lookup)
    state.answer = undefined
    state.code = 'ENOTFOUND'
    for (let elapsed = 0; elapsed < 290_000; elapsed += 10_000) {
      clock.advance(10_000)
      t.same((await addressesOf(lookup)).addresses, ['10.0.0.1'])
    }
    clock.advance(20_000)
    await addressesOf(lookup)
    clock.advance(2_000)
    t.same(await addressesOf(lookup), { error: 'ENOTFOUND', addresses: [] })
  }
)

t.test('a name that cannot be resolved is not asked for again within a second', async (t) => {
  const clock = new FakeClock()
  const { state, resolve } = resolver()
  state.answer = undefined
  const lookup = cachedLookup(clock, resolve)
  for (let i = 0; i < 5; i++) t.equal((await addressesOf(lookup)).error, 'EAI_AGAIN')
  t.equal(state.asked, 1)
  clock.advance(1_100)
  state.answer = ['10.0.0.3']
  t.same((await addressesOf(lookup)).addresses, ['10.0.0.3'])
})

t.test(
  'one address is told where one is asked for, and the system resolver is used by default',
  async (t) => {
    const { resolve } = resolver()
    const one = await new Promise((done) =>
      cachedLookup(new FakeClock(), resolve)('db.test', {}, (_error, address, family) =>
        done([address, family])
      )
    )
    t.same(one, ['10.0.0.1', 4])
    const system = await addressesOf(cachedLookup(new FakeClock()), 'localhost')
    t.ok(system.addresses.some((address) => address === '127.0.0.1' || address === '::1'))
  }
)
