import { request } from 'undici'

/** A browser as far as logins need one: cookies by host and port, redirects one by one. */
export class Browser {
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
