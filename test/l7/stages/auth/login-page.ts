import type { Test } from 'tap'
import { openPage } from '../../../e2e/websocket/browser.ts'

/** Chromium, as a user of oidc-provider's forms. */
export interface LoginPage {
  value(expression: string): Promise<unknown>
  /** Looks until it holds; between two pages there is nothing to look into. */
  until(expression: string): Promise<void>
  go(url: string): Promise<void>
  /** From the first form to the page that was asked for. */
  login(url: string, name: string): Promise<void>
  /** Says yes to the provider, which then wants a login. */
  logout(url: string): Promise<void>
}

export async function loginPage(t: Test, issuer: string): Promise<LoginPage> {
  const page = await openPage(t, 'chromium', `${issuer}/.well-known/openid-configuration`)
  const value = (expression: string) => page.value(expression)
  const go = async (url: string) => void (await page.tell('Page.navigate', { url }))
  const until = async (expression: string): Promise<void> => {
    const late = Date.now() + 60_000
    while ((await value(expression).catch(() => false)) !== true) {
      if (Date.now() > late) throw new Error(`never: ${expression}; at ${await value('location.href')}`)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
  const asks = (name: string, value: string) =>
    `location.origin === '${issuer}' && document.readyState === 'complete' && document.querySelector('[name=${name}][value=${value}]') !== null`
  return {
    ...{ value, until, go },
    async login(url, name) {
      await go(url)
      await until(asks('prompt', 'login'))
      await value(`document.querySelector('[name=login]').value = '${name}'
        document.querySelector('[name=password]').value = 'any'
        document.querySelector('form').submit()`)
      await until(asks('prompt', 'consent'))
      await value(`document.querySelector('form').submit()`)
      await until(`location.href === '${url}' && document.readyState === 'complete'`)
    },
    async logout(url) {
      await go(url)
      await until(
        `location.href.startsWith('${issuer}/session/end') && document.readyState === 'complete' && document.querySelector('[name=logout]') !== null`
      )
      await value(`document.querySelector('[name=logout]').click()`)
      await until(asks('prompt', 'login'))
    }
  }
}
