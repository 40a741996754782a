import t from 'tap'
import { goneSeries } from '../../src/runtime/memory/gone-series.ts'
import { configOf } from './configs.ts'

t.test('series of what is configured stay, those of what is not go', async (t) => {
  const { listeners, pools } = configOf({
    listeners: [
      { name: 'web', bind: '127.0.0.1:1001', mode: 'l7', routes: [{ name: 'r', pool: 'a', match: {} }] }
    ],
    pools: { a: { backends: ['127.0.0.1:1'] }, b: { backends: ['127.0.0.1:2'] } }
  })
  const gone = goneSeries(listeners, Object.values(pools))
  t.notOk(gone({ listener: 'web', route: 'r', class: '2xx' }))
  t.notOk(gone({ pool: 'a', backend: '127.0.0.1:1' }))
  t.notOk(gone({ worker: '1', quantile: '0.5' }))
  t.notOk(gone({}))
  t.ok(gone({ listener: 'other', class: '2xx' }))
  t.ok(gone({ listener: 'web', route: 'old' }))
  t.ok(gone({ pool: 'c' }))
  t.ok(gone({ pool: 'a', backend: '127.0.0.1:2' }), 'that one is in the other pool')
})
