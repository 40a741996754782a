import t from 'tap'
import { joinDelta, splitDelta } from '../../src/runtime/workers/delta-parts.ts'
import type { PoolPlan, PlaneDelta } from '../../src/runtime/plane/plane-snapshot.ts'
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
