import { hash } from 'node:crypto'
import { comparableName, cookieValue } from '../../../../../core/cookies.ts'
import { deletion } from './cookie-jar.ts'
import type { Login } from '../provider.ts'
import type { Seal } from '../seal.ts'

/** Logins that one browser may have begun at the same time: each tab that it restores begins one. */
const MOST = 8
/** Browsers drop a cookie of more than 4096 bytes; the rest of a login, encrypted, fits beside this many of `back`. */
const MAX_BACK = 1800
const LASTS_SECONDS = 600

/** The logins that a browser has begun: one encrypted cookie each, named after the login's state. */
export class LoginCookies {
  readonly #prefix: string
  readonly #seal: Seal

  constructor(cookie: string, seal: Seal) {
    this.#prefix = `${cookie}_login_`
    this.#seal = seal
  }

  /** Set-Cookie lines that remember `login`, and drop the oldest of too many. */
  begin(login: Login, field: string | undefined, attributes: string): string {
    const begun = this.namesIn(field).map((name) => ({ name, until: this.#read(field, name)?.until ?? 0 }))
    begun.sort((a, b) => b.until - a.until)
    const dropped = begun.slice(MOST - 1).map(({ name }) => deletion(name, attributes))
    const kept = { ...login, back: shortened(login.back) }
    const line = `Set-Cookie: ${this.#nameOf(login.state)}=${this.#seal.close('login', kept)}; ${attributes}; Max-Age=${LASTS_SECONDS}\r\n`
    return line + dropped.join('')
  }

  /** The login that this browser began with `state`. `now` in ms since 1970. */
  find(state: string, field: string | undefined, now: number): Login | undefined {
    const login = this.#read(field, this.#nameOf(state))
    return login?.state === state && now < login.until ? login : undefined
  }

  /** A Set-Cookie line that ends it. */
  end(state: string, attributes: string): string {
    return deletion(this.#nameOf(state), attributes)
  }

  /** The names of these cookies in a request, in every spelling that some server reads as one of them. */
  namesIn(field: string | undefined): string[] {
    const wanted = comparableName(this.#prefix)
    return (field?.split(';') ?? [])
      .map((pair) => pair.split('=', 1)[0]!.trim())
      .filter((name) => comparableName(name).startsWith(wanted))
  }

  #read(field: string | undefined, name: string): Login | undefined {
    const text = cookieValue(field, name)
    return text === undefined ? undefined : this.#seal.open<Login>('login', text)
  }

  #nameOf(state: string): string {
    return this.#prefix + hash('sha256', state).slice(0, 16)
  }
}

/** Where the user goes after the login: without its query, or home, where a cookie has no room for it. */
function shortened(back: string): string {
  const fits = (text: string): boolean => Buffer.byteLength(JSON.stringify(text)) <= MAX_BACK
  if (fits(back)) return back
  const [path = '/'] = back.split('?', 1)
  return fits(path) ? path : '/'
}
