import t from 'tap'
import { maskAt, maskSecrets } from '../../src/admin/api/mask.ts'
import { OnDemand } from '../../src/acme/names/on-demand.ts'
import type { Logger } from '../../src/core/log/log.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import { secret } from '../../src/config/plugins/secret-leaf.ts'
import { parseConfig } from '../../src/config/parse-config.ts'
import { formatProblems } from '../../src/config/report/format-problems.ts'
import { maskedUrl } from '../../src/config/secrets/secret-places.ts'

/** What `lb check`, a start, a reload and the admin API say about a text. */
function said(text: string, env = {}): string {
  const result = parseConfig(text, { env })
  const problems = result.ok ? result.warnings : result.problems
  return problems.length === 0 ? '' : formatProblems(problems) + JSON.stringify(problems)
}

const route = (auth: string, more = '') => `
listeners:
  - { name: web, bind: ':8080', mode: l7, pool: web, auth: [${auth}]${more} }
pools: { web: { backends: ['127.0.0.1:1'] } }
`

t.test(
  'a message about a line with secrets shows the line without them, and points at the same place',
  async (t) => {
    for (const [name, auth] of [
      ['keys', 'apiKeys: { keys: { alice: [SECRET-1, "SECRET-2"], bob: SECRET-3 } }'],
      [
        'shared key of tokens',
        'jwt: { issuer: i, audience: a, secret: SECRET-0123456789012345678901234567890 }'
      ],
      ['client secret', 'introspection: { url: "http://x/", clientId: lb, clientSecret: SECRET }'],
      ['password in a URL', 'forward: { url: "http://user:SECRET@127.0.0.1/?token=SECRET", identity: x-a }'],
      ['hash', 'basic: { users: { alice: "$6$salt$SECRET" } }']
    ] as const) {
      const text = said(route(auth, ', oops: 1'))
      t.match(text, 'unknown key "oops"', name)
      t.notMatch(text, 'SECRET', name)
      t.match(text, auth.slice(0, 20), 'the rest of the line stands there')
      const [, line, caret] = text.split('\n')
      t.equal(caret!.indexOf('^'), line!.indexOf('oops'), 'the caret stands below the key')
    }
    const env = { KEY: 'SECRET-of-the-environment' }
    t.match(
      said(route('apiKeys: { keys: { alice: "${KEY}" } }', ', oops: 1'), env),
      '"${KEY}"',
      'a variable is no secret'
    )
  }
)

t.test(
  'a value that is refused is not quoted where it is a secret, from the file or the environment',
  async (t) => {
    const env = { SHORT: 'SECRET-short', URL: 'htp://user:SECRET@idp.example/' }
    for (const auth of [
      'jwt: { issuer: i, audience: a, secret: "${SHORT}" }',
      'jwt: { issuer: i, audience: a, secret: SECRET-short }',
      'jwt: { issuer: i, audience: a, dpop: { nonceSecret: SECRET-short } }',
      'forward: { url: "${URL}", identity: x-a }',
      'introspection: { url: "htp://u:SECRET@x/?t=SECRET", clientId: lb, clientSecret: [SECRET] }',
      'oidc: { issuer: "https://i", clientId: lb, clientSecret: { a: SECRET }, sessionSecret: "SECRET\\"quoted" }'
    ]) {
      const text = said(route(auth), env)
      t.not(text, '', auth)
      t.notMatch(text, 'SECRET', auth)
    }
    t.notMatch(said('redis: { url: "rediss:/default:SECRET@127.0.0.1:1" }\nlisteners: []'), 'SECRET')
    t.match(said(route('basic: { users: { a: "x" }, queue: many }')), 'many', 'what is no secret is quoted')
  }
)

t.test('a text that is no YAML is shown without what stands under the name of a secret', async (t) => {
  const text = said("redis: { url: 'redis://u:SECRET@h', }}\n")
  t.match(text, 'redis')
  t.notMatch(text, 'SECRET')
  for (const line of ['  token: SECRET: x', '{ password: SECRET }}', 'secret: [ SECRET: {']) t.notMatch(said(`a: 1\n${line}\n`), 'SECRET', line) // prettier-ignore
})

t.test('a long line with many secrets and many problems is read once', { timeout: 20_000 }, async (t) => {
  const users = Array.from({ length: 1_000 }, (_, index) => `u${index}: SECRET${index}`).join(', ')
  const oops = Array.from({ length: 200 }, (_, index) => `oops${index}: 1`).join(', ')
  const text = said(route(`apiKeys: { keys: { ${users} } }`, `, ${oops}`))
  t.match(text, 'oops0')
  t.notMatch(text, /SECRET\d/)
})

t.test('a secret of a plugin is masked wherever its configuration is shown', async (t) => {
  const key = secret().parse('SECRET-of-a-plugin')
  const shown = JSON.stringify(maskSecrets({ stages: { 'plugins.signing': { key, id: 'lb' } } }))
  t.equal(shown, '{"stages":{"plugins.signing":{"key":"***","id":"lb"}}}')
  t.equal(maskAt(['routes', 'r', 'plugins', 'signing', 'key'], key), '***')
  t.same(maskSecrets({ jwt: { dpop: { nonce: 1, nonceSecret: 'S' } } }), {
    jwt: { dpop: { nonce: 1, nonceSecret: '***' } }
  })
  t.equal(maskAt(['routes', 'r', 'name'], key), key, 'elsewhere it is text like any other')
})

t.test('URLs that lb asks are shown without password and without the values of their query', async (t) => {
  t.equal(maskedUrl('https://u:p@h/x?sig=1&a=2'), 'https://u:***@h/x?sig=***&a=***')
  const shown = maskSecrets({ jwks: 'https://u:p@h/k?t=1', match: { cookies: { sess: 'S', beta: '1' } } })
  t.same(shown, { jwks: 'https://u:***@h/k?t=***', match: { cookies: { sess: '***', beta: '1' } } })
  t.same(maskSecrets({ onDemand: { ask: 'http://h/a?for=lb&k=1' } }), {
    onDemand: { ask: 'http://h/a?for=***&k=***' }
  })
  const logged: string[] = []
  const write = (_: object, message: string) => logged.push(message)
  const log = { info: write, warn: write } as unknown as Logger
  const answers = [() => Promise.resolve(false), () => Promise.reject(new Error('it answered 500'))]
  const ask = () => answers.shift()!()
  const names = new OnDemand({ clock: new FakeClock(), log, ask, onAllowed() {} })
  const rule = { ask: 'http://u:SECRET@h/ask?k=SECRET', ratePerSecond: 9 }
  await names.wanted('web', 'a.example.com', rule)
  await names.wanted('web', 'b.example.com', rule)
  t.equal(logged.length, 2)
  for (const line of logged) {
    t.match(line, 'http://u:***@h/ask?k=***')
    t.notMatch(line, 'SECRET')
  }
})

t.test('of a body that is not shown, the placeholders are', async (t) => {
  const text = said(
    `listeners: [{ bind: ':1', mode: l7, routes: [{ match: {}, action: { respond: { status: 200, body: "SECRET {clientt} SECRET {host}", boddy: 1 } } }] }]`
  )
  t.match(text, '{clientt}')
  t.match(text, '{host}')
  t.notMatch(
    said(route('basic: { users: { a: "{SECRET}" } }', ', oops: 1')),
    'SECRET',
    'elsewhere it is no placeholder'
  )
  t.notMatch(text, 'SECRET')
})
