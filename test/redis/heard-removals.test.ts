import t from 'tap'
import { HeardRemovals } from '../../src/redis/cache/purges/heard-removals.ts'

/** One that hears from a count of `count` on. */
function hearing(count = 7): HeardRemovals {
  const removals = new HeardRemovals()
  removals.begin(count, removals.asks())
  return removals
}

/** A beat: what the server has sent was heard, then the count is read. `late`: heard before its answer. */
function beat(removals: HeardRemovals, count: number, late = 0): boolean {
  const all = removals.heardAll(false)
  const heardThen = removals.asks()
  for (let i = 0; i < late; i++) removals.heard()
  removals.counted(count, heardThen)
  return all
}

t.test('one server: what was counted before its answer has been heard', async (t) => {
  const removals = hearing()
  removals.counted(9, removals.asks())
  t.equal(removals.all, 7)
  t.equal(removals.heardAll(true), true)
  t.equal(removals.all, 9)
})

t.test('a cluster: a removal that has not come after two counts is missed', async (t) => {
  const removals = hearing()
  t.equal(beat(removals, 8), true)
  t.equal(beat(removals, 8), true, 'it may be on its way')
  t.equal(removals.heardAll(false), false)
  t.equal(removals.all, 7, 'who begins to hear anew finds another count')
})

t.test('a cluster: removals that come late, or before they are counted, are not missed', async (t) => {
  const removals = hearing()
  let counted = 7
  for (let i = 0; i < 50; i++) {
    // One is heard before the count that it is not in, and one is counted that is heard after it.
    removals.heard()
    t.equal(beat(removals, (counted += 1), 1), true, `beat ${i}`)
    counted += 1
  }
  for (let i = 0; i < 3; i++) t.equal(beat(removals, counted), true)
  t.equal(removals.all, counted)
})

t.test(
  'a cluster: what is heard and never counted does not stand for what is counted and never heard',
  async (t) => {
    const removals = hearing()
    removals.heard()
    for (let i = 0; i < 3; i++) t.equal(beat(removals, 7), true)
    for (let i = 0; i < 2; i++) t.equal(beat(removals, 8), true)
    t.equal(removals.heardAll(false), false)
  }
)

t.test('what comes while it asks for its first count is not missed', async (t) => {
  const removals = new HeardRemovals()
  const heardThen = removals.asks()
  removals.heard()
  removals.begin(7, heardThen)
  for (let i = 0; i < 4; i++) t.equal(beat(removals, 8), true)
})
