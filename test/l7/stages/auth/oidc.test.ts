import { request } from 'undici'
import t from 'tap'
import { CookieJar } from '../../../../src/l7/stages/auth/oidc/cookie-jar.ts'
import { Seal } from '../../../../src/l7/stages/auth/oidc/seal.ts'
import { oidcWorld as world } from './oidc-world.ts'

/** A browser as far as logins need one: cookies by host and port, redirects one by one. */
class Browser {
  readonly #jars = new Map<string, Map<string, string>>()

  jar(url: string): Map<string, string> {
    const { host } = new URL(url)
    const jar = this.#jars.get(host) ?? new Map<string, string>()
    this.#jars.set(host, jar)
    return jar
  }

  async go(url: string, options: { form?: Record<string, string>; headers?: Record<string, string> } = {}) {
    const jar = this.jar(url)
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ')
    const { form } = options
    const { statusCode, headers, body } = await request(url, {
      headers: {
        accept: 'text/html',
        ...(cookie !== '' && { cookie }),
        ...(form !== undefined && { 'content-type': 'application/x-www-form-urlencoded' }),
        ...options.headers
      },
      ...(form !== undefined && { method: 'POST', body: new URLSearchParams(form).toString() })
    })
    for (const line of [headers['set-cookie'] ?? []].flat()) {
      const [name, value] = line.split(';')[0]!.split('=', 2) as [string, string]
      if (/max-age=0|expires=thu, 01 jan 1970/i.test(line)) jar.delete(name)
      else jar.set(name, value)
    }
    const { location } = headers
    const to = location === undefined ? undefined : new URL(String(location), url).href
    return { status: statusCode, to, text: await body.text(), challenge: headers['www-authenticate'] }
  }

  /** Follows redirects, and fills in the provider's forms, until something else comes. */
  async login(url: string, until: (url: string) => boolean = () => false) {
    let page = await this.go(url)
    for (let step = 0; step < 20; step++) {
      if (page.to !== undefined && until(page.to)) return { page, url: page.to }
      if (page.to !== undefined) {
        url = page.to
        page = await this.go(url)
      } else {
        const action = /action="([^"]+)"/.exec(page.text)?.[1]
        const prompt = /name="prompt" value="(\w+)"/.exec(page.text)?.[1]
        if (action === undefined || prompt === undefined) return { page, url }
        url = new URL(action, url).href
        page = await this.go(url, { form: { prompt, login: 'alice', password: 'any' } })
      }
    }
    throw new Error('the login does not end')
  }
}

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
  const before = browser.jar(app).get('lb_session')
  const answers = await Promise.all(Array.from({ length: 10 }, () => browser.go(`${app}/`)))
  t.same(answers.map(({ status }) => status), Array(10).fill(200)) // prettier-ignore
  t.equal(refreshes.length, 1)
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
