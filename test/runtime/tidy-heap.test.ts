import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { FakeClock } from '../../src/core/clock.ts'
import { HeapTidier } from '../../src/runtime/tidy-heap.ts'
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

t.test(
  'what reloads leave behind is collected a while after the first of them, in the background',
  async (t) => {
    const clock = new FakeClock()
    const tidier = new HeapTidier(clock, 2_000)
    t.teardown(() => tidier.close())
    const warnings: string[] = []
    process.on('warning', (warning) => warnings.push(warning.message))
    const garbage = oldGarbage()
    tidier.soon()
    clock.advance(1_500)
    tidier.soon()
    await new Promise((resolve) => setTimeout(resolve, 50))
    t.equal(garbage.collected, false, 'not yet')
    clock.advance(500)
    await until(() => garbage.collected, 'a collection')
    t.strictSame(warnings, [])
  }
)

t.test('a heap over the limit is left to V8', async (t) => {
  const clock = new FakeClock()
  const tidier = new HeapTidier(clock, 2_000, 1_000)
  const garbage = oldGarbage()
  tidier.soon()
  clock.advance(2_000)
  await new Promise((resolve) => setTimeout(resolve, 200))
  t.equal(garbage.collected, false)
})
