import t from 'tap'
import { maskSecrets } from '../../../../src/admin/api/mask.ts'
import { authLab } from './auth-lab.ts'
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

t.test('no access log line shows a credential of the query, whatever became of the request', async (t) => {
  const auth = [
    { apiKeys: { query: 'api_key', keys: { alice: 'right-SECRET' } } },
    { jwt: { issuer: 'i', audience: 'a', secret: 's'.repeat(40), query: 'access.token' } }
  ]
  const routes = [{ match: { pathPrefix: '/open/' }, pool: 'web' }, { match: { pathPrefix: '/kept/' }, pool: 'web', auth }] // prettier-ignore
  for (const format of ['json', 'combined'])
    for (const fields of format === 'json' ? [undefined, ['target', 'referer']] : [undefined]) {
      const { lab, ask } = await authLab(t, { pool: undefined, routes, accessLog: { format, ...(fields && { fields }) } }) // prettier-ignore
      const secrets = ['api_key=right-SECRET', 'api_key=wrong-SECRET', 'b=1&access.token=a.SECRET.c&c=2', 'access_token=SECRET', 'API_KEY=SECRET', 'api%5fkey=SECRET'] // prettier-ignore
      for (const path of ['/kept/', '/open/', '/nowhere/'])
        for (const query of secrets)
          await ask(`Referer: http://example.test/x?${query}\r\n`, `${path}?${query}&d=4`)
      const log = JSON.stringify(lab.log.lines)
      t.match(log, '/kept/?api_key=***&d=4')
      t.match(log, 'x?b=1&access.token=***&c=2')
      t.notMatch(log, 'SECRET')
    }
  const plain = await authLab(t, { accessLog: true })
  await plain.ask('', '/?api_key=kept')
  t.match(JSON.stringify(plain.lab.log.lines), 'api_key=kept', 'a parameter that is no credential here')
})

t.test('the code with which a login ends is not logged, at its path and in a referer', async (t) => {
  const oidc = { issuer: 'https://idp.example', clientId: 'lb', clientSecret: 's'.repeat(40) }
  for (const format of ['json', 'combined']) {
    const { lab, ask } = await authLab(t, { auth: [{ oidc }], accessLog: { format } })
    const query = 'state=kept&code=SECRET&c%6fde=SECRET&iss=x'
    await ask(`Referer: http://example.test/.lb/oidc/callback?${query}\r\n`, `/.lb/oidc/callback?${query}`)
    await ask('', '/page?code=visible')
    const log = JSON.stringify(lab.log.lines)
    t.match(log, '/.lb/oidc/callback?state=kept&code=***&c%6fde=***&iss=x')
    t.match(log, 'example.test/.lb/oidc/callback?state=kept&code=***')
    t.match(log, '/page?code=visible', 'elsewhere it is a parameter as any other')
    t.notMatch(log, 'SECRET')
  }
})

t.test(
  'parameters that are credentials by their standard, and a password before the host, are never logged',
  async (t) => {
    for (const format of ['json', 'combined']) {
      const { lab, ask } = await authLab(t, { accessLog: { format } })
      const query =
        'a=1&access_token=SECRET&id_token_hint=SECRET&Refresh%5Ftoken=SECRET&client_secret=SECRET&password=SECRET&z=2'
      await ask(`Referer: http://example.test/x?${query}\r\n`, `/?${query}`)
      await ask('', 'http://user:SECRET@example.test/')
      await ask('', '/?tokens=shown')
      const log = JSON.stringify(lab.log.lines)
      t.match(log, '/?a=1&access_token=***&id_token_hint=***&')
      t.match(log, '&z=2')
      t.match(log, 'tokens=shown')
      t.notMatch(log, 'SECRET')
    }
  }
)
