import t from 'tap'
import { joinDelta, splitDelta } from '../../src/runtime/workers/delta-parts.ts'
import type { PoolPlan, PlaneDelta, PlaneSnapshot } from '../../src/runtime/plane/plane-snapshot.ts'
import { applyEdits, listEdits } from '../../src/balancer/table/list-edits.ts'
import { seededRandom } from '../../src/core/random.ts'
import { receiveMessageOnPort } from 'node:worker_threads'
import { configOf } from './configs.ts'

const address = (n: number) => `127.0.${n >> 8}.${n & 255}:80`
const plan = (name: string, backends: number): PoolPlan => {
  const { pools } = configOf({
    listeners: [{ bind: '127.0.0.1:1', mode: 'l4', pool: name }],
    pools: { [name]: { backends: Array.from({ length: backends }, (_, n) => address(n)) } }
  })
  const slots = { pool: 0, backends: Array.from({ length: backends }, (_, n) => n), tree: undefined }
  return { config: pools[name]!, slots, tls: undefined }
}
const deltaWith = (pools: PlaneDelta['pools']): PlaneDelta => ({
  id: 1,
  base: undefined,
  logLevel: 'info',
  graceMs: 1,
  listeners: [],
  pools,
  caches: [],
  stageMemories: [],
  plugins: undefined,
  ports: {}
})

t.test('pools go through a port in pieces and come out whole and in order', async (t) => {
  const whole = deltaWith([plan('one', 1), 'kept', plan('exact', 250), plan('large', 1_234), plan('two', 2)])
  const { delta, parts } = splitDelta(whole)
  t.strictSame(delta.pools, ['one', 'kept', 'exact', 'large', 'two'])
  let turns = 0
  const count = (): void => {
    turns++
    timer = setImmediate(count)
  }
  let timer = setImmediate(count)
  const joined = await joinDelta(delta, parts)
  clearImmediate(timer)
  t.strictSame(joined, whole)
  t.ok(turns >= 5, 'with turns of the event loop in between')
})

t.test('a delta without changed pools needs no port', async (t) => {
  const { delta, parts } = splitDelta(deltaWith(['kept']))
  t.equal(parts, undefined)
  t.equal(await joinDelta(delta, parts), delta)
})

const snapshotWith = (plan: PoolPlan) =>
  ({ pools: new Map([[plan.config.name, plan]]) }) as unknown as PlaneSnapshot

/** A worker's own copy. */
const cloned = <T>(value: T): T => structuredClone(value)

t.test('of backends that stay a worker is told the places only, and keeps its own objects', async (t) => {
  const random = seededRandom(7)
  let main = plan('api', 3_000)
  let worker = cloned(main)
  let next = 3_000
  for (let round = 0; round < 30; round++) {
    const slots = new Map(main.config.backends.map((each, i) => [each, main.slots.backends[i]!]))
    let backends = main.config.backends.filter(() => random() > 0.003)
    for (let i = 0; i < 5; i++) {
      const made = { ...backends[0]!, name: `new${next}` }
      slots.set(made, next++)
      backends.splice(Math.floor(random() * (backends.length + 1)), 0, made)
    }
    // Every tenth time the order is another, and once a row.
    if (round % 10 === 9) backends = backends.toReversed()
    if (round === 15) slots.set(backends[17]!, next++)
    const rows = backends.map((each) => slots.get(each)!)
    const after = { ...main, config: { ...main.config, backends }, slots: { ...main.slots, backends: rows } }
    const { delta, parts } = splitDelta(deltaWith([after]), snapshotWith(main))
    const joined = await joinDelta(delta, parts, snapshotWith(worker))
    const got = joined.pools[0] as PoolPlan
    t.strictSame(got.config.backends, backends)
    t.strictSame(got.slots.backends, rows)
    const own = new Set(worker.config.backends)
    const made = got.config.backends.filter((each) => !own.has(each)).length
    t.ok(made <= 6, `${made} of ${backends.length} are new objects`)
    ;[main, worker] = [after, got]
  }
})

t.test('what is sent for one backend of 20,000 is small', async (t) => {
  const main = plan('api', 20_000)
  const after = { ...main, config: { ...main.config, backends: main.config.backends.toSpliced(9_999, 1) } }
  const slots = { ...main.slots, backends: main.slots.backends.toSpliced(9_999, 1) }
  const { parts } = splitDelta(deltaWith([{ ...after, slots }]), snapshotWith(main))
  const sent: unknown[] = []
  for (let one; (one = receiveMessageOnPort(parts!) as { message: unknown } | undefined);)
    sent.push(one.message)
  parts!.close()
  t.ok(JSON.stringify(sent).length < 5_000)
  t.equal(sent.length, 2)
})

t.test('a list is made of another by random edits', async (t) => {
  const random = seededRandom(3)
  const items = Array.from({ length: 60 }, (_, id) => ({ id }))
  const list = () => items.filter(() => random() < 0.5).sort(() => (random() < 0.1 ? 1 : 0))
  for (let round = 0; round < 500; round++) {
    const [before, after] = [list(), list()]
    const made = applyEdits(listEdits(before, after), before, (item) => item)
    t.equal(made.length, after.length)
    if (made.some((each, i) => each !== after[i])) t.fail(`round ${round}`)
  }
})

t.test(
  'a few that come, go, change or swap places: all others stay, and only what is new is made',
  async (t) => {
    const random = seededRandom(5)
    const pick = (n: number) => Math.floor(random() * n)
    let next = 0
    const fresh = () => ({ id: next++ })
    let before = Array.from({ length: 300 }, fresh)
    for (let round = 0; round < 2000; round++) {
      const after = [...before]
      for (let change = pick(5); change >= 0; change--) {
        const at = pick(after.length)
        const what = random()
        if (what < 0.3) after.splice(at, pick(20))
        else if (what < 0.6) after.splice(at, 0, ...Array.from({ length: pick(20) }, fresh))
        else if (what < 0.9) after[at] = fresh()
        else after.splice(pick(after.length), 0, ...after.splice(at, 1))
      }
      const known = new Set(before)
      const edits = listEdits(before, after)
      const made = edits.flatMap((edit) => ('items' in edit ? edit.items : []))
      if (
        made.length !== after.filter((each) => !known.has(each)).length ||
        made.some((each) => known.has(each))
      )
        t.fail(`round ${round}: what stays is made anew`)
      const all = applyEdits(edits, before, (item) => item)
      if (all.length !== after.length || all.some((each, i) => each !== after[i])) t.fail(`round ${round}`)
      before = after.length > 100 ? after : Array.from({ length: 300 }, fresh)
    }
  }
)
