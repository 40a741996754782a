import t from 'tap'
import { maskSecrets } from '../../../../src/admin/api/mask.ts'
import { configFromObject } from '../../../../src/config/parse-config.ts'

t.test('no secret of auth is shown by the admin API', async (t) => {
  const secret = 'very-secret-text-of-thirty-two-characters'
  const auth = [
    { apiKeys: { keys: { alice: [secret, `sha256:${'ab'.repeat(32)}`] } } },
    { basic: { users: { alice: `$6$salt$${secret}` } } },
    { jwt: { issuer: 'i', audience: 'a', secret } },
    { oidc: { issuer: 'https://idp.example', clientId: 'lb', clientSecret: secret, sessionSecret: secret } }
  ]
  const result = configFromObject({
    listeners: [{ name: 'web', bind: ':0', mode: 'l7', pool: 'web', auth }],
    pools: { web: { backends: ['127.0.0.1:1'] } }
  })
  if (!result.ok) return void t.fail(JSON.stringify(result.problems))
  const shown = JSON.stringify(maskSecrets(result.config))
  t.notMatch(shown, 'very-secret')
  t.notMatch(shown, 'abab')
  t.match(shown, 'clientId')
})
