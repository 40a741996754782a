import { hash } from 'node:crypto'
import t from 'tap'
import { CookieJar } from '../../../../src/l7/stages/auth/oidc/cookies/cookie-jar.ts'
import { Seal } from '../../../../src/l7/stages/auth/oidc/seal.ts'
import { FakeClock } from '../../../fakes/fake-clock.ts'
import { memoryLogger } from '../../../fakes/memory-logger.ts'
import { EndedSessions } from '../../../../src/l7/stages/auth/oidc/ended-sessions.ts'
import { LogoutTokens } from '../../../../src/l7/stages/auth/oidc/logout-token.ts'
import { Refreshes } from '../../../../src/l7/stages/auth/oidc/refresh/refreshes.ts'
import { RefreshRefused } from '../../../../src/l7/stages/auth/oidc/refresh/refresh-refused.ts'
import { RefreshTurns } from '../../../../src/l7/stages/auth/oidc/refresh/refresh-turns.ts'
import { SessionNews } from '../../../../src/l7/stages/auth/oidc/session-news.ts'
import type { Session } from '../../../../src/l7/stages/auth/oidc/session.ts'
import { until } from '../../../redis/support/redis-server.ts'
import { ecKey, jwk, signed, startIssuer } from './issuer.ts'
import { Browser } from './browser.ts'
import { oidcWorld as world } from './oidc-world.ts'

t.test('a login goes to the provider and back, and the session is a sealed cookie', async (t) => {
  const { app, issuer, heads } = await world(t)
  const browser = new Browser()
  const first = await browser.go(`${app}/page?a=1`)
  t.equal(first.status, 302)
  t.match(first.to, `${issuer}/auth?`)
  const asked = new URL(first.to!).searchParams
  t.match(Object.fromEntries(asked), { code_challenge_method: 'S256', response_type: 'code', client_id: 'lb', redirect_uri: `${app}/.lb/oidc/callback` }) // prettier-ignore
  t.ok(asked.get('state') && asked.get('nonce') && asked.get('code_challenge'))
  const { page, url } = await browser.login(first.to!)
  t.equal(url, `${app}/page?a=1`, 'back where it began')
  t.equal(page.text, 'ok')
  t.match(heads.at(-1), 'x-user: alice\r\n')
  t.notMatch(heads.at(-1), 'lb_session')
  const session = browser.jar(app).get('lb_session')!
  t.notMatch(Buffer.from(session, 'base64url').toString('latin1'), 'alice')
  const forged = new Browser()
  forged.jar(app).set('lb_session', `${session.slice(0, -6)}AAAAAA`)
  t.equal((await forged.go(`${app}/`)).status, 302, 'a forged session is none')

  t.equal((await browser.go(`${app}/`)).text, 'ok')
  const out = await browser.go(`${app}/.lb/oidc/logout`)
  t.equal(out.status, 303)
  t.match(out.to, `${issuer}/session/end?`)
  t.equal((await browser.go(`${app}/`)).status, 302, 'logged out')
})

t.test('who cannot log in is answered 401, and no login ends elsewhere', async (t) => {
  const { app, issuer } = await world(t)
  const browser = new Browser()
  const scripts: Record<string, string>[] = [
    { accept: 'application/json' },
    { 'x-requested-with': 'XMLHttpRequest' },
    { 'sec-fetch-mode': 'cors' }
  ]
  for (const headers of scripts) {
    const answer = await browser.go(`${app}/`, { headers })
    t.equal(answer.status, 401)
    t.match(answer.challenge, 'OpenIDConnect')
  }
  t.equal((await browser.go(`${app}/`, { form: { a: '1' } })).status, 401)
  const hostile = await browser.login(`${app}//evil.example/x`)
  t.equal(new URL(hostile.url).origin, app)

  const callback = (url: string) => url.startsWith(`${app}/.lb/oidc/callback`)
  const victim = new Browser()
  const attacker = new Browser()
  const { url } = await attacker.login(`${app}/`, callback)
  t.equal((await victim.go(url)).status, 401, 'the login of another browser')
  t.equal((await attacker.go(url.replace(/state=[^&]*/, 'state=x'))).status, 401, 'another state')
  t.equal((await attacker.go(url.replace(/code=[^&]*/, 'code=x'))).status, 401, 'another code')
  t.equal((await attacker.go(url.replace(encodeURIComponent(issuer), encodeURIComponent('https://evil.example')))).status, 401, 'another issuer') // prettier-ignore
  t.equal((await attacker.go(url)).status, 303)
  t.equal((await victim.go(`${app}/.lb/oidc/callback`)).status, 401)
})

t.test('a session is refreshed once for all requests at a time', async (t) => {
  const { app, refreshes, heads } = await world(t, {}, 1)
  const browser = new Browser()
  await browser.login(`${app}/`)
  await new Promise((resolve) => setTimeout(resolve, 1100))
  // On a slow machine the login itself ended with one.
  const earlier = refreshes.length
  const before = browser.jar(app).get('lb_session')
  const answers = await Promise.all(Array.from({ length: 10 }, () => browser.go(`${app}/`)))
  t.same(answers.map(({ status }) => status), Array(10).fill(200)) // prettier-ignore
  t.equal(refreshes.length - earlier, 1)
  t.not(browser.jar(app).get('lb_session'), before)
  t.match(heads.at(-1), 'x-user: alice\r\n')
})

t.test('while the provider does not answer, a login is 503', async (t) => {
  const { app } = await world(t, { issuer: 'http://127.0.0.1:1' })
  t.equal((await new Browser().go(`${app}/`)).status, 503)
})

t.test('a long session takes several cookies, each under 4 kB', async (t) => {
  const jar = new CookieJar('s')
  for (const length of [1, 3599, 3600, 3601, 10_000, 18_000]) {
    const value = 'v'.repeat(length)
    const lines = jar.write(value, 'Path=/').split('\r\n').filter(Boolean)
    for (const line of lines) t.ok(line.length < 4096)
    const field = lines.map((line) => line.slice('Set-Cookie: '.length).split(';')[0]).join('; ')
    t.equal(jar.read(field), value)
    if (lines.length > 1) t.equal(jar.read(field.slice(0, field.lastIndexOf(';'))), undefined)
  }
  t.equal(jar.write('v'.repeat(18_001), ''), '')
  const seal = new Seal('x'.repeat(32), 'i', 'c')
  t.same(seal.open('session', seal.close('session', { a: 1 })), { a: 1 })
  t.equal(seal.open('session', seal.close('login', { a: 1 })), undefined)
  t.equal(new Seal('y'.repeat(32), 'i', 'c').open('session', seal.close('session', {})), undefined)
  for (const text of ['', 'x', 'A'.repeat(100)]) t.equal(seal.open('session', text), undefined)
})

t.test('a session that ends at the provider ends here, in every copy of its cookie', async (t) => {
  const { app, issuer } = await world(t)
  const [first, second, thief] = [new Browser(), new Browser(), new Browser()]
  await first.login(`${app}/`)
  await second.login(`${app}/`)
  thief.jar(app).set('lb_session', first.jar(app).get('lb_session')!)
  t.equal((await thief.go(`${app}/`)).text, 'ok')
  const page = await first.go(`${issuer}/session/end`)
  const [action, xsrf] = [/action="([^"]+)"/, /name="xsrf" value="([^"]+)"/].map(
    (part) => part.exec(page.text)?.[1]
  )
  await first.go(action!, { form: { xsrf: xsrf!, logout: 'yes' } })
  await until('it is known', async () => (await thief.go(`${app}/`)).status === 302)
  t.equal((await first.go(`${app}/`)).status, 302)
  t.equal((await second.go(`${app}/`)).text, 'ok', 'the other session of the same user goes on')

  const copy = new Browser()
  copy.jar(app).set('lb_session', second.jar(app).get('lb_session')!)
  await second.go(`${app}/.lb/oidc/logout`)
  t.equal((await copy.go(`${app}/`)).status, 302, 'logged out here, a copy is of no use')
})

t.test('a link on another site, or a browser by itself, logs nobody out', async (t) => {
  const { app } = await world(t)
  const browser = new Browser()
  await browser.login(`${app}/`)
  const logout = `${app}/.lb/oidc/logout`
  const elsewhere: Record<string, string>[] = [
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'cross-site', referer: `${app}/` },
    { 'sec-fetch-site': 'unheard-of' },
    { 'sec-fetch-site': 'same-origin', 'sec-purpose': 'prefetch;prerender' },
    { referer: 'http://evil.example/' },
    { referer: `${app}.evil.example/` },
    { referer: 'about:blank' }
  ]
  for (const headers of elsewhere) {
    const { status, text } = await browser.go(logout, { headers })
    t.equal(status, 200, JSON.stringify(headers))
    t.match(text, '<form method="post"><button>Log out</button>')
    t.equal((await browser.go(`${app}/`)).text, 'ok', 'still logged in')
  }
  const own: Record<string, string>[] = [
    {},
    { 'sec-fetch-site': 'none' },
    { 'sec-fetch-site': 'same-site', referer: 'http://www.example/' },
    { 'sec-fetch-site': 'same-origin' },
    { referer: `${app}/page` }
  ]
  for (const headers of own) {
    t.equal((await browser.go(logout, { headers })).status, 303, JSON.stringify(headers))
    t.equal((await browser.go(`${app}/`)).status, 302, 'logged out')
    await browser.login(`${app}/`)
  }
  const pressed = await browser.go(logout, { form: {}, headers: { 'sec-fetch-site': 'same-origin' } })
  t.equal(pressed.status, 303)
  t.equal((await browser.go(`${app}/`)).status, 302)
})

t.test('a session is for the host that it began on', async (t) => {
  const { app, lab } = await world(t)
  const browser = new Browser()
  await browser.login(`${app}/`)
  const cookie = [...browser.jar(app)].map(([name, value]) => `${name}=${value}`).join('; ')
  const statusAt = async (host: string): Promise<string> => {
    const client = await lab.client()
    client.send(
      `GET / HTTP/1.1\r\nHost: ${host}\r\nAccept: text/html\r\nCookie: ${cookie}\r\nConnection: close\r\n\r\n`
    )
    return (await client.end()).slice(9, 12)
  }
  t.equal(await statusAt('127.0.0.1'), '200', 'on any port, as browsers send it')
  t.equal(await statusAt('127.0.0.1.:81'), '200')
  for (const host of ['localhost', 'other.example', '127.0.0.2', `x.127.0.0.1:${lab.port}`])
    t.equal(await statusAt(host), '302', host)
})

t.test('who is not the provider ends no session', async (t) => {
  const clock = new FakeClock()
  const key = ecKey('one')
  const idp = await startIssuer([jwk(key)])
  t.teardown(() => idp.close())
  const tokens = new LogoutTokens({ issuer: idp.url, clientId: 'lb', timeout: 5000 }, clock, memoryLogger())
  const iat = Math.floor(clock.wall() / 1000)
  const event = 'http://schemas.openid.net/event/backchannel-logout'
  const good = { iss: idp.url, aud: 'lb', iat, exp: iat + 100, jti: 'x', sid: 's', events: { [event]: {} } }
  const header = { alg: 'ES256', kid: 'one', typ: 'logout+jwt' }
  const read = (claims: object, head: object = header, by = key): Promise<object | string> =>
    tokens.read(signed(head, claims, by.privateKey))
  t.same(await read(good), { sid: 's', sub: undefined })
  t.same(await read({ ...good, sid: undefined, sub: 'alice', aud: ['lb'] }), { sid: undefined, sub: 'alice' })
  t.match(await read({ ...good, exp: undefined }, { ...header, typ: undefined }), { sid: 's' })
  const wrong: Record<string, Promise<object | string>> = {
    'another issuer': read({ ...good, iss: 'https://evil.example' }),
    'another client': read({ ...good, aud: 'other' }),
    'no client': read({ ...good, aud: undefined }),
    'an ID token': read({ ...good, nonce: 'n' }),
    'no event': read({ ...good, events: {} }),
    'events a text': read({ ...good, events: event }),
    nobody: read({ ...good, sid: undefined }),
    'sid a number': read({ ...good, sid: 1 }),
    'no jti': read({ ...good, jti: undefined }),
    'no iat': read({ ...good, iat: undefined }),
    expired: read({ ...good, exp: iat - 61 }),
    'old, without exp': read({ ...good, exp: undefined, iat: iat - 700 }),
    'from the future': read({ ...good, iat: iat + 61 }),
    'another type': read(good, { ...header, typ: 'at+jwt' }),
    crit: read(good, { ...header, crit: ['x'] }),
    'another key': read(good, header, ecKey('one')),
    none: tokens.read(signed({ alg: 'none' }, good, undefined)),
    'a key that is not there': read(good, { ...header, kid: 'two' }, ecKey('two')),
    garbage: tokens.read('x'),
    nothing: tokens.read('')
  }
  clock.advance(1000)
  for (const [what, answer] of Object.entries(wrong)) t.type(await answer, 'string', what)

  const { app } = await world(t)
  const browser = new Browser()
  await browser.login(`${app}/`)
  const posts: Record<string, string>[] = [{}, { logout_token: 'x' }, { logout_token: 'x'.repeat(40_000) }]
  for (const form of posts) t.equal((await browser.go(`${app}/.lb/oidc/backchannel`, { form })).status, 400)
  for (const query of ['', '?sid=x', '?iss=x&sid=y', '?sid=undefined&iss=undefined'])
    t.equal((await browser.go(`${app}/.lb/oidc/frontchannel${query}`)).status, 400)
  t.equal((await browser.go(`${app}/.lb/oidc/backchannel`)).status, 400, 'a GET')
  const told = await browser.go(`${app}/.lb/oidc/frontchannel`, { headers: { accept: 'application/json' } })
  t.match(
    JSON.parse(told.text),
    { error: { code: 'LB_BAD_REQUEST', requestId: /./ } },
    'told as other errors'
  )
  t.equal((await browser.go(`${app}/`)).text, 'ok', 'the session goes on')
})

t.test('threads share what has ended, and one refresh', async (t) => {
  const clock = new FakeClock()
  const names = `test ${Math.random()}`
  // Channels keep nobody alive.
  const alive = setInterval(() => {}, 1000)
  t.teardown(() => clearInterval(alive))
  const [one, two] = [new SessionNews(names), new SessionNews(names)]
  const session = (sid: string, begun = clock.wall()) => ({
    id: sid,
    claims: { sid, sub: 'alice' },
    end: begun + 1000
  })
  const ended = new EndedSessions(one, 1000, clock)
  await ended.end({ sid: 'a' }, clock.wall())
  const later = new SessionNews(names)
  t.teardown(() => [one, two, later].forEach((each) => each.close()))
  const others = [new EndedSessions(two, 1000, clock), new EndedSessions(later, 1000, clock)]
  for (const each of [ended, ...others]) {
    await until('it is known', () => each.has(session('a')))
    t.notOk(each.has(session('b')))
    t.notOk(each.has({ id: 'c', claims: {}, end: Infinity }))
  }
  await ended.end({ sub: 'alice' }, clock.wall())
  await until('it is known', () => others[0]!.has(session('b')))
  t.notOk(others[0]!.has(session('b', clock.wall() + 1)), 'a login after that stands')

  const seal = new Seal('x'.repeat(32), 'i', 'c')
  const made = (news: SessionNews, turns: RefreshTurns | undefined) =>
    new Refreshes({ clock, news, timeoutMs: 5000, turns, remote: undefined, seal })
  const memory = RefreshTurns.allocate()
  const pair = [one, two].map((news) => made(news, new RefreshTurns(memory))) as [Refreshes, Refreshes]
  const passing = setInterval(() => clock.advance(10), 1)
  t.teardown(() => clearInterval(passing))

  // Each round both begin in one moment, and a provider that rotates takes each token once.
  for (let round = 0; round < 50; round++) {
    const key = hash('sha256', `token ${round}`)
    let asked = 0
    const refresh = async () => {
      if (++asked > 1) throw new RefreshRefused('used')
      await new Promise((resolve) => setImmediate(resolve))
      return { name: `new ${round}` } as Session
    }
    const order = round % 2 === 0 ? pair : [...pair].reverse()
    const answers = await Promise.all(order.map((each) => each.once(key, refresh)))
    t.strictSame([...answers.map((each) => each?.name), asked], [`new ${round}`, `new ${round}`, 1])
    t.equal((await pair[round % 2]!.once(key, refresh))?.name, `new ${round}`, 'and whoever comes later')
  }

  // Listeners have turns of their own.
  const apart = [made(one, undefined), made(two, undefined)] as const
  const same = [
    apart[0].once('l', () => Promise.resolve({ name: 'newer' } as Session)),
    apart[1].once('l', () => Promise.reject(new RefreshRefused('used')))
  ]
  t.strictSame(
    (await Promise.all(same)).map((each) => each?.name),
    ['newer', 'newer'],
    'begun in one moment'
  )
  t.equal(await pair[0].once('m', () => Promise.reject(new RefreshRefused('used'))), undefined)
  await t.rejects(
    pair[0].once('n', () => Promise.reject(new Error('away'))),
    'that says nothing'
  )
  await until('it is asked again', async () => {
    const again = pair[0].once('n', () => Promise.resolve({ name: 'back' } as Session))
    return again.then(
      (session) => session?.name === 'back',
      () => false
    )
  })

  const turns = new RefreshTurns(RefreshTurns.allocate())
  const key = 'ab'.repeat(16)
  t.equal(turns.take(key, 0, 2000), 'mine')
  t.equal(turns.take(key, 2900, 2000), 'taken')
  t.equal(turns.take(key, 4000, 2000), 'mine', 'a thread that has died')
  turns.give(key, true, 5000)
  t.equal(turns.take(key, 5000, 2000), 'done')
  t.equal(turns.take(key, 11_000, 2000), 'mine', 'an old token is for the provider to refuse')
})
