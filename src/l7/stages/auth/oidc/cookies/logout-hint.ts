import { CookieJar } from './cookie-jar.ts'
import type { Seal } from '../seal.ts'

/**
 * The ID token, encrypted in cookies that the browser sends to the path of the logout only: a provider that gets it back
 * there ends the session without asking the user (OpenID Connect RP-Initiated Logout 1.0 §2).
 */
export class LogoutHint {
  readonly #jar: CookieJar
  readonly #seal: Seal
  readonly #path: string

  constructor(cookie: string, path: string, seal: Seal) {
    // Browsers drop a cookie called __Host- that has a path of its own.
    this.#jar = new CookieJar(`${cookie.replace(/^__host-/i, '__Secure-')}_hint`)
    this.#seal = seal
    this.#path = path
  }

  get names(): readonly string[] {
    return this.#jar.names
  }

  /** Set-Cookie lines; '' where there is no room for it. `attributes`: without Path. */
  lines(idToken: string | undefined, host: string, attributes: string, seconds: number): string {
    if (idToken === undefined) return ''
    return this.#jar.write(
      this.#seal.close(`hint ${host}`, { idToken }),
      `Path=${this.#path}; ${attributes}; Max-Age=${seconds}`
    )
  }

  read(field: string | undefined, host: string): string | undefined {
    const text = this.#jar.read(field)
    return text === undefined
      ? undefined
      : this.#seal.open<{ readonly idToken: string }>(`hint ${host}`, text)?.idToken
  }

  /** Lines that delete it where a request has it. */
  clear(field: string | undefined, attributes: string): string {
    return this.#jar.clear(field, `Path=${this.#path}; ${attributes}`)
  }
}
