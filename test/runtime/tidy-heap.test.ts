import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { FakeClock } from '../fakes/fake-clock.ts'
import { HeapTidier } from '../../src/runtime/memory/tidy-heap.ts'
import { until } from '../e2e/servers.ts'

setFlagsFromString('--expose-gc')
const minor = runInNewContext('() => gc({ type: "minor" })') as () => void

/** An object that only a full collection will find dead; looking for it would keep it alive. */
function oldGarbage(): { readonly collected: boolean } {
  const fate = { collected: false }
  registry.register({ some: 'configuration' }, fate)
  minor()
  minor()
  return fate
}

const registry = new FinalizationRegistry((fate: { collected: boolean }) => (fate.collected = true))

t.test('reloads within a while share one collection', async (t) => {
  const clock = new FakeClock()
  let collections = 0
  const tidier = new HeapTidier(clock, 2_000, Infinity, () => collections++)
  tidier.soon()
  clock.advance(1_500)
  tidier.soon()
  t.equal(collections, 0)
  clock.advance(500)
  t.equal(collections, 1)
  clock.advance(10_000)
  t.equal(collections, 1)
  tidier.soon()
  tidier.close()
  clock.advance(10_000)
  t.equal(collections, 1, 'none after it is closed')
})

t.test('what reloads leave behind is collected in the background, without a warning', async (t) => {
  const clock = new FakeClock()
  const warnings: string[] = []
  process.on('warning', (warning) => warnings.push(warning.message))
  const garbage = oldGarbage()
  new HeapTidier(clock, 0).soon()
  clock.advance(0)
  await until(() => garbage.collected, 'a collection')
  t.strictSame(warnings, [])
})

t.test('a heap over the limit is left to V8', async (t) => {
  const clock = new FakeClock()
  let collections = 0
  new HeapTidier(clock, 2_000, 1_000, () => collections++).soon()
  clock.advance(2_000)
  t.equal(collections, 0)
})
