import t, { type Test } from 'tap'
import { CookieJar } from '../../../../src/l7/stages/auth/oidc/cookies/cookie-jar.ts'
import { configFromObject } from '../../../../src/config/parse-config.ts'
import { formatProblems } from '../../../../src/config/report/format-problems.ts'
import { answering, labOf, OK, rawBackend } from '../../engine/lab.ts'
import { Browser } from './browser.ts'
import { fakeProvider, type Oddities } from './fake-provider.ts'
import { oidcKeys } from './oidc-world.ts'

/** A route that asks for a login at a provider with oddities. */
async function world(t: Test, oddities: Oddities = {}, more: object = {}) {
  const provider = await fakeProvider(t, oddities)
  const heads: string[] = []
  const backend = await rawBackend(answering((head) => (heads.push(head), OK)))
  t.teardown(() => backend.close())
  const keys = oidcKeys(provider.url, { scopes: ['openid'], ...more })
  const lab = await labOf([backend], {
    listener: {
      auth: [{ oidc: keys }],
      identity: { header: 'x-user', claims: { 'x-mail': 'email' }, strip: true }
    }
  })
  t.teardown(() => lab.close())
  const reasons = () => JSON.stringify(lab.log.lines).replaceAll('\\"', '"')
  return { ...provider, app: `http://127.0.0.1:${lab.port}`, heads, reasons }
}

t.test('a login has the parameters that its provider wants', async (t) => {
  const params = { audience: 'https://api.example', access_type: 'offline', hd: 'example.com', prompt: '' }
  const { app, last } = await world(t, {}, { params, scopes: ['openid', 'offline_access'] })
  const { page } = await new Browser().login(`${app}/`)
  t.equal(page.text, 'ok')
  const { query } = last('/authorize')!
  t.match(Object.fromEntries(query), { audience: 'https://api.example', access_type: 'offline', hd: 'example.com' }) // prettier-ignore
  t.equal(query.has('prompt'), false, 'an empty one is left out')
})

t.test('the secret goes to the provider in the way that it takes', async (t) => {
  const post = {
    metadata: { token_endpoint_auth_methods_supported: ['client_secret_post', 'private_key_jwt'] }
  }
  const basic = { metadata: { token_endpoint_auth_methods_supported: ['client_secret_post', 'client_secret_basic'] } } // prettier-ignore
  for (const [oddities, more, inForm] of [
    [{}, {}, false],
    [post, {}, true],
    [basic, {}, false],
    [basic, { clientAuth: 'post' }, true],
    [post, { clientAuth: 'basic' }, false]
  ] as const) {
    const { app, last } = await world(t, oddities, more)
    t.equal((await new Browser().login(`${app}/`)).page.text, 'ok')
    t.equal(last('/token')!.form.has('client_secret'), inForm)
    t.equal(last('/token')!.authorization === '', inForm)
  }
})

t.test('clocks may differ by skew', async (t) => {
  const fine = await world(t, { ahead: 50 })
  t.equal((await new Browser().login(`${fine.app}/`)).page.text, 'ok')
  const wrong = await world(t, { ahead: 50 }, { skew: '10s' })
  t.equal((await new Browser().login(`${wrong.app}/`)).page.status, 401)
  t.match(wrong.reasons(), /nbf of the ID token is not valid, \d+ s from now: do the clocks agree/)
})

t.test('what went wrong at the provider stands in the log, and the client is told what to do', async (t) => {
  const cases: [Oddities, object, number, RegExp][] = [
    [{ error: 'access_denied' }, {}, 401, /the provider says access_denied/],
    [{ tokenAnswer: { status: 401, body: { error: 'invalid_client', error_description: 'no such secret' } } }, {}, 401, /says invalid_client: no such secret \(check clientId, clientSecret and clientAuth\)/], // prettier-ignore
    [{ tokenAnswer: { status: 502, body: {} } }, {}, 503, /the provider: answered with status 502/],
    [{ metadata: { issuer: 'https://idp.example/realms/x' } }, {}, 503, /names the issuer "https:\/\/idp.example\/realms\/x"; "issuer" here is/], // prettier-ignore
    [{ claims: { aud: 'other' } }, {}, 401, /has "other" as aud, not "lb"/],
    [{ claims: { nonce: 'x' } }, {}, 401, /of another login \(nonce\)/],
    [{ claims: { groups: ['x'] } }, { name: 'email' }, 401, /no text as email, only iss, aud, sub, nbf, groups; "name" says/], // prettier-ignore
    [{ claims: { email: 'a@b', email_verified: false } }, { name: 'email' }, 401, /email_verified is false/],
    [{ claims: { groups: Array.from({ length: 600 }, (_, i) => `group-${i}-`.padEnd(36, 'x')) } }, {}, 401, /too large for cookies \(store: redis\)/] // prettier-ignore
  ]
  for (const [oddities, more, status, reason] of cases) {
    const { app, reasons } = await world(t, oddities, more)
    const { page } = await new Browser().login(`${app}/`)
    t.equal(page.status, status, String(reason))
    t.match(reasons(), reason)
    if (status === 401)
      t.match(page.text, 'the login did not succeed; open the page that you wanted once more')
    t.notMatch(reasons(), 'secret-of-the-client')
  }
  const accepted = await world(t, { claims: { email: 'a@b', email_verified: 'false' } }, { name: 'email', unverifiedEmail: true }) // prettier-ignore
  t.equal((await new Browser().login(`${accepted.app}/`)).page.text, 'ok')
})

t.test('claims come from userinfo where it is asked for', async (t) => {
  const { app, heads } = await world(
    t,
    { userinfo: { email: 'alice@example.com', sub: 'alice' } },
    { userinfo: true }
  )
  t.equal((await new Browser().login(`${app}/`)).page.text, 'ok')
  t.match(heads.at(-1), /x-user: alice\r\n[^]*x-mail: alice@example.com\r\n/)
  const lies = await world(t, { userinfo: { sub: 'mallory' } }, { userinfo: true })
  t.not((await new Browser().login(`${lies.app}/`)).page.status, 200, 'of another user')
})

t.test('many tabs log in at once, and each comes back to its own page', async (t) => {
  const { app } = await world(t)
  const browser = new Browser()
  const paths = Array.from({ length: 8 }, (_, tab) => `/tab?n=${tab}`)
  const begun: string[] = []
  for (const path of paths) begun.push((await browser.go(app + path)).to!)
  const ends: string[] = []
  for (const url of begun) ends.push((await browser.login(url)).url)
  t.same(ends, paths.map((path) => app + path)) // prettier-ignore
  t.same(
    [...browser.jar(app).keys()].filter((name) => name.includes('login')),
    [],
    'no login is left over'
  )

  for (let more = 0; more < 30; more++) await new Browser().go(`${app}/`)
  const idle = new Browser()
  for (let more = 0; more < 30; more++) await idle.go(`${app}/${more}`)
  t.equal(idle.jar(app).size, 8, 'the oldest are dropped')
})

t.test(
  '"Back" to a used callback leads home who is logged in, and a long address does not break the login',
  async (t) => {
    const { app, heads } = await world(t)
    const browser = new Browser()
    const { url } = await browser.login(`${app}/page`, (to) => to.startsWith(`${app}/.lb/oidc/callback`))
    t.equal((await browser.go(url)).to, `${app}/page`)
    const again = await browser.go(url)
    t.match(again, { status: 303, to: `${app}/` })
    t.equal((await new Browser().go(url)).status, 401, 'another browser')

    for (const path of [`/a?q=${'"'.repeat(1000)}`, `/a?q=${'x'.repeat(5000)}`, `/${'y'.repeat(5000)}`]) {
      const fresh = new Browser()
      const { to } = await fresh.go(app + path)
      for (const [name, value] of fresh.jar(app))
        t.ok(name.length + value.length < 3950, 'a cookie that browsers take')
      const done = await fresh.login(to!)
      t.equal(done.page.text, 'ok')
      t.equal(new URL(done.url).pathname, path.startsWith('/a') ? '/a' : '/')
    }
    t.notMatch(heads.join(''), 'lb_session')
  }
)

t.test('a logout brings the ID token back to the provider, which need not ask', async (t) => {
  const { app, url } = await world(t)
  const browser = new Browser()
  await browser.login(`${app}/`)
  const hint = new CookieJar('lb_session_hint').read(
    `lb_session_hint=${browser.jar(app).get('lb_session_hint')}`
  )
  t.notMatch(Buffer.from(hint!, 'base64url').toString('latin1'), 'eyJ', 'encrypted')
  const { to } = await browser.go(`${app}/.lb/oidc/logout`)
  t.match(to, `${url}/end?`)
  const token = new URL(to!).searchParams.get('id_token_hint')!
  t.match(JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()), { sub: 'alice' })
  t.same([...browser.jar(app)], [], 'no cookie is left')
})

t.test('lb check knows issuers and parameters that no login can have', async (t) => {
  const problems = (more: object): string => {
    const oidc = { ...oidcKeys('https://idp.example'), ...more }
    const listeners = [{ bind: ':0', mode: 'l7', pool: 'web', auth: [{ oidc }] }]
    const result = configFromObject({ listeners, pools: { web: { backends: ['127.0.0.1:1'] } } })
    return result.ok ? '' : formatProblems(result.problems)
  }
  t.match(
    problems({ issuer: 'https://github.com/login/oauth' }),
    'github.com does not speak OpenID Connect for logins'
  )
  t.match(
    problems({ issuer: 'https://idp.example/.well-known/openid-configuration' }),
    'write the issuer itself'
  )
  for (const name of ['state', 'nonce', 'redirect_uri', 'response_mode', 'request', 'code_challenge'])
    t.match(problems({ params: { [name]: 'x' } }), /set by|lb sets it/)
  t.match(problems({ params: { scope: 'email' } }), 'it is set by `scopes`')
})
