import t from 'tap'
import { Browser } from '../l7/stages/auth/browser.ts'
import { oidcIssuer } from '../l7/stages/auth/oidc-world.ts'
import { originOf } from './support/caching.ts'
import { type LoginInstance, loginInstance } from './support/login-instance.ts'
import { redisCluster, withSentinel } from './support/redis-places.ts'
import { RedisServer, skip, until } from './support/redis-server.ts'

/** Servers and instances share two cores with other tests. */
t.setTimeout(240_000)

/** Cookies know no ports: what a browser got from one instance it shows to the other. */
function moved(from: LoginInstance, to: LoginInstance, browser: Browser): Browser {
  const copy = new Browser()
  for (const [name, value] of browser.jar(from.app)) copy.jar(to.app).set(name, value)
  return copy
}

async function logoutAtProvider(issuer: string, browser: Browser): Promise<void> {
  const page = await browser.go(`${issuer}/session/end`)
  const part = (pattern: RegExp) => pattern.exec(page.text)![1]!
  const form = { xsrf: part(/name="xsrf" value="([^"]+)"/), logout: 'yes' }
  await browser.go(part(/action="([^"]+)"/), { form })
}

t.test('a session in Redis is one for all instances, and so is its end', { skip }, async (t) => {
  const redis = new RedisServer(t)
  await redis.start()
  const { issuer, open } = await oidcIssuer(t)
  const kept = { store: 'redis' }
  const one = await loginInstance(t, 'one', { issuer, redis, oidc: kept })
  const two = await loginInstance(t, 'two', { issuer, redis, oidc: kept })
  open([one.app, two.app])
  const browser = new Browser()
  t.equal((await browser.login(`${one.app}/`)).page.text, 'one')
  const cookie = browser.jar(one.app).get('lb_session')!
  t.ok(cookie.length < 150, 'the cookie holds an id')
  const keys = redis.cli('--scan')
  t.match(keys, 'lb:oidc:')
  const key = /lb:oidc:\S+:session:\S+/.exec(keys)![0]
  t.notMatch(Buffer.from(redis.cli('get', key), 'base64url').toString('latin1'), /alice|sub/, 'it is sealed')
  t.ok(Number(redis.cli('pttl', key)) > 0, 'it ends by itself')

  const atTwo = moved(one, two, browser)
  t.equal((await atTwo.go(`${two.app}/`)).text, 'two')
  t.equal(atTwo.jar(two.app).get('lb_session'), cookie)
  const stranger = new Browser()
  stranger.jar(two.app).set('lb_session', `${cookie.slice(0, -6)}AAAAAA`)
  t.equal((await stranger.go(`${two.app}/`)).status, 302)

  await t.test('ended at the provider, which tells one of them', async (t) => {
    const other = new Browser()
    await other.login(`${two.app}/`)
    await logoutAtProvider(issuer, browser)
    // The provider has told the first before it answers.
    const records = () => redis.cli('--scan', '--pattern', '*:session:*').split('\n').filter(Boolean)
    t.equal(records().length, 1, 'that of the other session of the same user')
    t.notOk(records().includes(key), 'nothing is left of the one that has ended')
    t.equal((await atTwo.go(`${two.app}/`)).status, 302)
    t.equal((await browser.go(`${one.app}/`)).status, 302)
    t.equal((await other.go(`${two.app}/`)).text, 'two', 'another session of the same user')
    const late = await loginInstance(t, 'late', { issuer, redis, oidc: kept })
    t.equal((await moved(two, late, other).go(`${late.app}/`)).text, 'late')
    t.equal((await moved(two, late, atTwo).go(`${late.app}/`)).status, 302, 'known after a start')
    // What somebody has put back is of no use.
    t.equal((await other.go(`${two.app}/.lb/oidc/logout`)).status, 303)
    t.equal((await moved(two, one, other).go(`${one.app}/`)).status, 302)
    t.strictSame(records(), [], 'no record is left')
  })
})

t.test('one refresh for a session, whichever instance and thread is asked', { skip }, async (t) => {
  for (const kept of [{ store: 'redis' }, {}]) {
    const redis = new RedisServer(t)
    await redis.start()
    const { issuer, open, refreshes } = await oidcIssuer(t)
    const one = await loginInstance(t, 'one', { issuer, redis, oidc: kept })
    const two = await loginInstance(t, 'two', { issuer, redis, oidc: kept, workers: 'store' in kept ? 0 : 2 })
    open([one.app, two.app], 1)
    const browser = new Browser()
    await browser.login(`${one.app}/`)
    const cookie = browser.jar(one.app).get('lb_session')!
    await new Promise((resolve) => setTimeout(resolve, 1100))
    const before = refreshes.length
    const all = Array.from({ length: 12 }, (_, i) => {
      const at = i % 3 === 0 ? one : two
      const each = new Browser()
      each.jar(at.app).set('lb_session', cookie)
      return each
        .go(`${at.app}/`)
        .then(({ status }) => ({ status, cookie: each.jar(at.app).get('lb_session') }))
    })
    const answers = await Promise.all(all)
    t.strictSame(answers.map(({ status }) => status), Array(12).fill(200), JSON.stringify(kept)) // prettier-ignore
    // On a slow machine the new word may be over before the last has asked.
    t.ok(refreshes.length > before)
    if ('store' in kept)
      t.ok(answers.every((each) => each.cookie === cookie), 'the cookie stays as it is') // prettier-ignore
    else t.ok(answers.every((each) => each.cookie !== cookie))
  }
})

t.test(
  'sealed cookies: a logout reaches other instances, and those that start later',
  { skip },
  async (t) => {
    const redis = new RedisServer(t)
    await redis.start()
    const { issuer, open } = await oidcIssuer(t)
    const one = await loginInstance(t, 'one', { issuer, redis })
    const two = await loginInstance(t, 'two', { issuer, redis })
    open([one.app, two.app])
    const [browser, kept] = [new Browser(), new Browser()]
    await browser.login(`${one.app}/`)
    await kept.login(`${one.app}/`)
    const atTwo = moved(one, two, browser)
    t.equal((await atTwo.go(`${two.app}/`)).text, 'two')
    await logoutAtProvider(issuer, browser)
    t.equal((await browser.go(`${one.app}/`)).status, 302)
    await until('the other has heard', async () => (await atTwo.go(`${two.app}/`)).status === 302)

    // Told while Redis is away: known here at once, and to the others when it is back.
    await redis.stop()
    await until('it is noticed', () => one.logged.some((line) => line.startsWith('Redis is not reachable')))
    const keptAtTwo = moved(one, two, kept)
    const copy = moved(one, one, kept)
    t.equal((await kept.go(`${one.app}/.lb/oidc/logout`)).status, 303)
    t.equal((await copy.go(`${one.app}/`)).status, 302)
    t.equal((await keptAtTwo.go(`${two.app}/`)).text, 'two')
    await redis.startAgain()
    await until('the other has heard', async () => (await keptAtTwo.go(`${two.app}/`)).status === 302)
    const late = await loginInstance(t, 'late', { issuer, redis })
    await until(
      'known after a start',
      async () => (await moved(one, late, copy).go(`${late.app}/`)).status === 302
    )
  }
)

t.test('a front-channel logout at one instance ends the session at all', { skip }, async (t) => {
  const redis = new RedisServer(t)
  await redis.start()
  const { issuer, open } = await oidcIssuer(t)
  // Shows the provider's name of the session, as only the provider and we know it.
  const origin = await originOf(t, ({ headers }, response) => response.end(headers['x-sid']))
  const route = { pool: 'web', identity: { header: 'x-user', claims: { 'x-sid': 'sid' } } }
  const pools = { web: { backends: [`127.0.0.1:${origin.port}`] } }
  const all = ['one', 'two', 'three'].map((name, i) =>
    loginInstance(t, name, { issuer, redis, ...(i === 1 && { oidc: { store: 'redis' } }), route, pools })
  )
  const [one, , three] = await Promise.all(all)
  open([one!.app, three!.app])
  const [browser, other] = [new Browser(), new Browser()]
  const sid = (await browser.login(`${one!.app}/`)).page.text
  t.ok(sid.length > 10)
  t.not((await other.login(`${one!.app}/`)).page.text, sid)
  const atThree = moved(one!, three!, browser)
  t.equal((await atThree.go(`${three!.app}/`)).text, sid)
  const frame = (at: LoginInstance, query: object) =>
    new Browser().go(`${at.app}/.lb/oidc/frontchannel?${new URLSearchParams({ iss: issuer, ...query })}`)
  t.equal((await frame(three!, { sid: `${sid}x` })).status, 200, 'of nobody')
  t.equal((await frame(three!, { sid, iss: 'https://evil.example' })).status, 400)
  t.equal((await browser.go(`${one!.app}/`)).text, sid)
  t.equal((await frame(three!, { sid })).status, 200)
  t.equal((await atThree.go(`${three!.app}/`)).status, 302, 'known there at once')
  await until('the other has heard', async () => (await browser.go(`${one!.app}/`)).status === 302)
  t.equal((await other.go(`${one!.app}/`)).status, 200, 'another session of the same user')
})

t.test('sessions stand in a cluster, and outlive a failover by sentinels', { skip }, async (t) => {
  const kept = { store: 'redis' }
  const [first] = await redisCluster(t)
  const sentinels = await withSentinel(t)
  for (const url of [`redis+cluster://127.0.0.1:${first.port}`, sentinels.url]) {
    const { issuer, open } = await oidcIssuer(t)
    const one = await loginInstance(t, 'one', { issuer, redis: url, oidc: kept })
    const two = await loginInstance(t, 'two', { issuer, redis: url, oidc: kept })
    open([one.app, two.app])
    const [browser, other] = [new Browser(), new Browser()]
    t.equal((await browser.login(`${one.app}/`)).page.text, 'one', url)
    await other.login(`${one.app}/`)
    const atTwo = moved(one, two, browser)
    const otherAtTwo = moved(one, two, other)
    t.equal((await atTwo.go(`${two.app}/`)).text, 'two')
    if (url === sentinels.url) {
      const written = () => sentinels.replica.cli('-a', 'right', '--scan').match(/:session:/g)?.length === 2
      await until('the replica has both', written)
      await sentinels.failOver()
      await until('it lets in again', async () => (await atTwo.go(`${two.app}/`)).text === 'two', 90_000)
    }
    await until(
      'a logout is taken',
      async () => (await browser.go(`${one.app}/.lb/oidc/logout`)).status === 303
    )
    await until('the other has heard', async () => (await atTwo.go(`${two.app}/`)).status === 302)
    t.equal((await otherAtTwo.go(`${two.app}/`)).text, 'two')
  }
})

t.test('while Redis is away or hangs, sessions in it are answered 503, in time', { skip }, async (t) => {
  const redis = new RedisServer(t)
  await redis.start()
  const { issuer, open } = await oidcIssuer(t)
  const { app, logged } = await loginInstance(t, 'one', { issuer, redis, oidc: { store: 'redis' } })
  open([app])
  const browser = new Browser()
  const callback = await browser.login(`${app}/`, (url) => url.startsWith(`${app}/.lb/oidc/callback`))
  await redis.stop()
  await until('it is noticed', () => logged.some((line) => line.startsWith('Redis is not reachable')))
  t.equal((await browser.go(callback.url)).status, 503, 'the code is not used up')
  await redis.startAgain()
  await until('it is back', async () => (await browser.go(callback.url)).status === 303)
  await until('it lets in', async () => (await browser.go(`${app}/`)).text === 'one')
  redis.signal('SIGSTOP')
  const from = performance.now()
  const answers = await Promise.all(Array.from({ length: 5 }, () => browser.go(`${app}/`)))
  t.strictSame(answers.map(({ status }) => status), Array(5).fill(503)) // prettier-ignore
  t.ok(performance.now() - from < 20_000, 'no longer than redis.timeout, ten times over')
  const stranger = await new Browser().go(`${app}/`, { headers: { accept: 'application/json' } })
  t.equal(stranger.status, 401, 'who has no session does not wait for Redis')
  redis.signal('SIGCONT')
  await until('it lets in again', async () => (await browser.go(`${app}/`)).text === 'one')
  const away = logged.filter((line) => line.startsWith('Redis is not reachable'))
  t.ok(away.length >= 1 && away.length <= 3, 'one line for each time')
  redis.cli('flushall')
  t.equal((await browser.go(`${app}/`)).status, 302, 'what Redis has lost is a new login')
})
