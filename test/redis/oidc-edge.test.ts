import t from 'tap'
import { Agent, setGlobalDispatcher, getGlobalDispatcher } from 'undici'
import { configure, start } from '../../src/index.ts'
import { missing } from '../l4/programs.ts'
import { testCertificates } from '../net/certificates.ts'
import { Browser } from '../l7/stages/auth/browser.ts'
import { loginPage } from '../l7/stages/auth/login-page.ts'
import { oidcIssuer, oidcKeys } from '../l7/stages/auth/oidc-world.ts'
import { originOf } from './support/caching.ts'
import { RedisServer, skip } from './support/redis-server.ts'

t.setTimeout(240_000)

t.test(
  'Chromium over TLS and HTTP/2 at two workers: login, refresh, a reload, and logouts from both sides',
  { skip: skip || missing('chromium') },
  async (t) => {
    // The provider tells lb of logouts over TLS, by an authority that it does not know.
    const before = getGlobalDispatcher()
    const trusting = new Agent({ connect: { rejectUnauthorized: false } })
    setGlobalDispatcher(trusting)
    t.teardown(() => {
      setGlobalDispatcher(before)
      return trusting.close()
    })
    const redis = new RedisServer(t)
    await redis.start()
    const { issuer, open, refreshes } = await oidcIssuer(t, 'localhost')
    const origin = await originOf(t, ({ headers, url }, response) => {
      response.setHeader('content-type', 'text/html')
      response.end(`${headers['x-user']} ${url} ${headers.cookie ?? 'no cookie'}`)
    })
    const { files } = testCertificates().leaf('127.0.0.1', 'localhost')
    const config = (more: object = {}) =>
      configure({
        workers: 2,
        redis: { url: `unix:${redis.path}`, timeout: '5s' },
        listeners: [
          {
            name: 'web',
            bind: '127.0.0.1:0',
            mode: 'l7',
            accessLog: false,
            protocols: ['h2', 'http/1.1'],
            tls: { certificates: [files] },
            auth: {
              methods: [{ oidc: oidcKeys(issuer, { timeout: '20s', store: 'redis' }) }],
              guesses: false
            },
            identity: { header: 'x-user', strip: true },
            pool: 'web',
            ...more
          }
        ],
        pools: { web: { backends: [`127.0.0.1:${origin.port}`] } }
      } as never)
    const logged: string[] = []
    const take = (fields: unknown, message?: unknown) =>
      void logged.push(`${String(message)} ${JSON.stringify(fields)}`)
    const lb = await start(config(), { log: { info: take, warn: take, error: take } })
    t.teardown(() => lb.kill())
    const app = `https://127.0.0.1:${lb.addresses[0]!.port}`
    open([app], 1)
    const page = await loginPage(t, issuer)
    const text = () => page.value('document.body.innerText')
    await page.login(`${app}/page?a=1&b=%2F`, 'alice')
    t.equal(await text(), 'alice /page?a=1&b=%2F no cookie', 'back where it began')
    t.equal(await page.value(`performance.getEntriesByType('navigation')[0].nextHopProtocol`), 'h2')
    t.equal(await page.value('document.cookie'), '')
    const many = `Promise.all(Array.from({ length: 20 }, (_, i) => fetch('/x' + i, { cache: 'no-store' }).then(({ status }) => status))).then((all) => all.join())`
    const asked = async (until: number) => {
      while (refreshes.length < until) {
        t.equal(await page.value(many), Array(20).fill(200).join())
        await new Promise((resolve) => setTimeout(resolve, 300))
      }
    }
    await asked(2)
    // In the middle of requests.
    const under = page.value(many)
    const report = await lb.apply(config({ headers: { response: { set: { 'x-new': 'yes' } } } }))
    t.equal(report.errors, undefined)
    t.equal(await under, Array(20).fill(200).join(), 'a reload loses no request')
    await asked(refreshes.length + 1)
    t.equal(await page.value(`fetch('/').then(({ headers }) => headers.get('x-new'))`), 'yes')

    // Another site leads to the logout: nobody is logged out.
    await page.go(`${issuer}/.well-known/openid-configuration`)
    await page.until(`location.origin === '${issuer}' && document.readyState === 'complete'`)
    await page.value(`location.href = '${app}/.lb/oidc/logout'`)
    await page.until(`location.origin === '${app}' && document.querySelector('button') !== null`)
    await page.go(`${app}/still`)
    await page.until(
      `document.readyState === 'complete' && document.body.innerText === 'alice /still no cookie'`
    )
    await page.logout(`${app}/.lb/oidc/logout`)
    t.equal(redis.cli('--scan', '--pattern', '*:session:*').trim(), '', 'nothing is left of it')

    // Logged in again, for an hour this time, and out at the provider, which tells lb.
    open([app], 3600)
    await page.login(`${app}/again`, 'alice')
    await page.go(`${issuer}/session/end`)
    await page.until(`document.readyState === 'complete' && document.querySelector('[name=logout]') !== null`)
    await page.value(`document.querySelector('[name=logout]').click()`)
    await page.until(`location.pathname === '/session/end/success' && document.readyState === 'complete'`)
    await page.go(`${app}/again`)
    await page.until(`location.origin === '${issuer}' && document.querySelector('[name=login]') !== null`)
    t.strictSame(
      logged.filter((line) => /unavailable|internal/i.test(line)),
      []
    )
  }
)

t.test('a login leads back to this host only, whatever the path is', async (t) => {
  const { issuer, open } = await oidcIssuer(t)
  const lb = await start(
    configure({
      workers: 0,
      listeners: [
        {
          name: 'web',
          bind: '127.0.0.1:0',
          mode: 'l7',
          auth: { methods: [{ oidc: oidcKeys(issuer) }], guesses: false },
          routes: [{ match: {}, respond: { status: 200, body: 'in' } }]
        }
      ]
    } as never)
  )
  t.teardown(() => lb.kill())
  const app = `http://${lb.addresses[0]!.address}`
  open([app])
  const tricks = ['//evil.example', '///evil.example/', '/%2f%2fevil.example', '/%5cevil.example', '/\\evil.example', '/\\/evil.example', '/.//evil.example', '/..//evil.example', '/@evil.example', '/%09//evil.example', '/%0d%0aLocation:%20http://evil.example', '/;//evil.example', '/x/../..//evil.example', '/?next=//evil.example', '/#//evil.example', '/http://evil.example', '/%00//evil.example', '/https:evil.example', '/javascript:alert(1)', '/%E2%80%AE//evil.example'] // prettier-ignore
  for (const trick of tricks) {
    const browser = new Browser()
    const { page, url } = await browser.login(`${app}${trick}`)
    t.equal(new URL(url).origin, app, trick)
    t.ok([200, 400].includes(page.status), `${trick}: ${page.status} ${url}`)
  }
})
