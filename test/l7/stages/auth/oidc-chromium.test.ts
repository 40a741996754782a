import t from 'tap'
import { openPage } from '../../../e2e/websocket/browser.ts'
import { missing } from '../../../l4/programs.ts'
import { oidcWorld } from './oidc-world.ts'

t.setTimeout(240_000)

t.test('Chromium logs in, is refreshed and logs out', { skip: missing('chromium') }, async (t) => {
  // Another site than 127.0.0.1: cookies come along as they do between a site and its provider.
  const { app, issuer, heads, refreshes } = await oidcWorld(t, {}, 1, 'localhost')
  const page = await openPage(t, 'chromium', `${issuer}/.well-known/openid-configuration`)
  /** Looks until it holds; between two pages there is nothing to look into. */
  const until = async (expression: string): Promise<void> => {
    const late = Date.now() + 60_000
    while ((await page.value(expression).catch(() => false)) !== true) {
      if (Date.now() > late) throw new Error(`never: ${expression}; at ${await page.value('location.href')}`)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
  const asks = (name: string, value: string) =>
    `location.origin === '${issuer}' && document.readyState === 'complete' && document.querySelector('[name=${name}][value=${value}]') !== null`

  await page.tell('Page.navigate', { url: `${app}/page?a=1` })
  await until(asks('prompt', 'login'))
  await page.value(`document.querySelector('[name=login]').value = 'alice'
    document.querySelector('[name=password]').value = 'any'
    document.querySelector('form').submit()`)
  await until(asks('prompt', 'consent'))
  await page.value(`document.querySelector('form').submit()`)
  await until(`location.href === '${app}/page?a=1' && document.readyState === 'complete'`)
  t.match(heads.at(-1), 'x-user: alice\r\n', 'logged in, back where it began')
  t.equal(await page.value('document.cookie'), '', 'scripts see no session')

  // The provider's word is over after a second.
  await until(`fetch('/').then(({ status }) => status === 200)`)
  while (refreshes.length === 0) {
    t.equal(await page.value(`fetch('/').then(({ status }) => status)`), 200)
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  const many = `Promise.all(Array.from({ length: 20 }, () => fetch('/').then(({ status }) => status))).then((all) => all.join())`
  t.equal(await page.value(many), Array(20).fill(200).join(), 'refreshed')
  t.match(heads.at(-1), 'x-user: alice\r\n')

  await page.tell('Page.navigate', { url: `${app}/.lb/oidc/logout` })
  await until(
    `location.href.startsWith('${issuer}/session/end') && document.readyState === 'complete' && document.querySelector('[name=logout]') !== null`
  )
  const before = heads.length
  await page.value(`document.querySelector('[name=logout]').click()`)
  await until(asks('prompt', 'login'))
  t.equal(heads.length, before, 'the application is asked no more: the provider wants a login')
})
