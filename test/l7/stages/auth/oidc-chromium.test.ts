import t from 'tap'
import { missing } from '../../../l4/programs.ts'
import { loginPage } from './login-page.ts'
import { oidcWorld } from './oidc-world.ts'

t.setTimeout(240_000)

t.test('Chromium logs in, is refreshed and logs out', { skip: missing('chromium') }, async (t) => {
  // Another site than 127.0.0.1: cookies come along as they do between a site and its provider.
  const { app, issuer, heads, refreshes } = await oidcWorld(t, {}, 1, 'localhost')
  const page = await loginPage(t, issuer)
  await page.login(`${app}/page?a=1`, 'alice')
  t.match(heads.at(-1), 'x-user: alice\r\n', 'logged in, back where it began')
  t.equal(await page.value('document.cookie'), '', 'scripts see no session')

  // The provider's word is over after a second.
  await page.until(`fetch('/').then(({ status }) => status === 200)`)
  while (refreshes.length === 0) {
    t.equal(await page.value(`fetch('/').then(({ status }) => status)`), 200)
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  const many = `Promise.all(Array.from({ length: 20 }, () => fetch('/').then(({ status }) => status))).then((all) => all.join())`
  t.equal(await page.value(many), Array(20).fill(200).join(), 'refreshed')
  t.match(heads.at(-1), 'x-user: alice\r\n')

  const before = heads.length
  await page.logout(`${app}/.lb/oidc/logout`)
  t.equal(heads.length, before, 'the application is asked no more: the provider wants a login')
})
