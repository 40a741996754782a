import t from 'tap'
import { missing } from '../l4/programs.ts'
import { loginPage } from '../l7/stages/auth/login-page.ts'
import { oidcIssuer } from '../l7/stages/auth/oidc-world.ts'
import { loginInstance } from './support/login-instance.ts'
import { RedisServer, skip } from './support/redis-server.ts'

t.setTimeout(240_000)

t.test(
  'Chromium logs in at one of two instances, is refreshed by both and logs out at all',
  { skip: skip || missing('chromium') },
  async (t) => {
    const server = new RedisServer(t)
    await server.start()
    // Another site than 127.0.0.1: cookies come along as they do between a site and its provider.
    const { issuer, open, refreshes } = await oidcIssuer(t, 'localhost')
    const options = { issuer, redis: server, oidc: { store: 'redis' } }
    const one = await loginInstance(t, 'one', options)
    const two = await loginInstance(t, 'two', options)
    open([one.app, two.app], 1)
    const page = await loginPage(t, issuer)
    const shows = (app: string, name: string) =>
      `location.href === '${app}/page' && document.readyState === 'complete' && document.body.innerText === '${name}'`
    await page.login(`${one.app}/page`, 'alice')
    await page.until(shows(one.app, 'one'))
    t.equal(await page.value('document.cookie'), '', 'scripts see no session')
    // Cookies know no ports: the other instance is the same site to a browser.
    await page.go(`${two.app}/page`)
    await page.until(shows(two.app, 'two'))
    const all = `Promise.all(Array.from({ length: 10 }, () => fetch('/page').then(({ status }) => status))).then((all) => all.join())`
    const before = refreshes.length
    while (refreshes.length < before + 2) {
      for (const { app } of [one, two]) {
        await page.go(`${app}/page`)
        await page.until(`location.href === '${app}/page' && document.readyState === 'complete'`)
        t.equal(await page.value(all), Array(10).fill(200).join(), 'refreshed')
      }
      await new Promise((resolve) => setTimeout(resolve, 1_000))
    }
    await page.logout(`${two.app}/.lb/oidc/logout`)
    await page.go(`${one.app}/page`)
    await page.until(`location.origin === '${issuer}' && document.querySelector('[name=login]') !== null`)
    t.equal(server.cli('--scan', '--pattern', '*:session:*').trim(), '', 'nothing is left of it')
  }
)
