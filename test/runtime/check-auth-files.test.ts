import t from 'tap'
import { configFromObject } from '../../src/config/parse-config.ts'
import { checkOutside } from '../../src/runtime/control/check/check-outside.ts'

t.test('lb check says which file of credentials cannot be read', async (t) => {
  const auth = [{ apiKeys: { keys: 'file:/nowhere/keys' } }]
  const listener = {
    name: 'web',
    bind: '127.0.0.1:0',
    mode: 'l7',
    routes: [{ match: {}, pool: 'web', auth }]
  }
  const result = configFromObject({ listeners: [listener], pools: { web: { backends: ['127.0.0.1:1'] } } })
  if (!result.ok) return void t.fail(JSON.stringify(result.problems))
  const { findings } = await checkOutside(result.config)
  t.match(findings, [{ path: ['listeners', 0, 'routes', 0, 'auth'], message: /cannot read \/nowhere\/keys/ }])
})
