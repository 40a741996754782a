import { clientScheme } from '../../../headers/client-scheme.ts'
import { hash } from 'node:crypto'
import { cookieValue } from '../../../../core/cookies.ts'
import type { Exchange } from '../../../exchange/exchange.ts'
import { sendLocal } from '../../../exchange/response/local-answer.ts'
import { queryValue } from '../../../uri/query.ts'
import type { Answer, AuthMethod, Denied, Pending, Reply } from '../auth-method.ts'
import type { MethodContext } from '../method-context.ts'
import { stripCookie } from '../strip-credential.ts'
import { HeldBody } from '../../../exchange/held-body.ts'
import { CookieJar } from './cookie-jar.ts'
import { EndedSessions } from './ended-sessions.ts'
import type { OidcInput } from './keys.ts'
import { LogoutTokens } from './logout-token.ts'
import { type Login, Provider } from './provider.ts'
import { Refreshes } from './refreshes.ts'
import { Seal } from './seal.ts'
import { SessionNews } from './session-news.ts'
import { provenSession, type Session, sessionOf } from './session.ts'

/** Logins that one browser may have begun at once; an older one begins anew. */
const LOGINS = 4

const channels = new FinalizationRegistry<SessionNews>((news) => news.close())

/** A token of a few hundred bytes, in a form. */
const MAX_LOGOUT_BYTES = 32 * 1024

/** Login at an OpenID provider: code with PKCE, state and nonce; the session is a sealed cookie. */
export class Oidc implements AuthMethod {
  readonly name = 'oidc'
  readonly #input: OidcInput
  readonly #provider: Provider
  readonly #seal: Seal
  readonly #jar: CookieJar
  readonly #refreshes: Refreshes
  readonly #context: MethodContext
  readonly #ended: EndedSessions
  readonly #logouts: LogoutTokens

  constructor(input: OidcInput, context: MethodContext) {
    this.#input = input
    this.#context = context
    this.#provider = new Provider(input)
    this.#seal = new Seal(input.sessionSecret ?? input.clientSecret, input.issuer, input.clientId)
    this.#jar = new CookieJar(input.cookie)
    const { issuer, clientId, session, timeout } = input
    const news = new SessionNews(hash('sha256', `${issuer}\n${clientId}`), context.dry)
    channels.register(this, news)
    this.#refreshes = new Refreshes(context.clock, news, timeout)
    this.#ended = new EndedSessions(news, session)
    this.#logouts = new LogoutTokens({ issuer, clientId, timeout }, context.clock, context.log)
  }

  check(exchange: Exchange): Answer | undefined {
    const { path } = exchange
    if (path === this.#input.callback) return this.#finish(exchange)
    if (path === this.#input.logout) return this.#logout(exchange)
    if (path === this.#input.backchannel) return this.#toldOfLogout(exchange)
    if (path === this.#input.frontchannel) return this.#sentToLogout(exchange)
    const session = this.#sessionOf(exchange)
    if (session === undefined) return undefined
    const now = this.#context.clock.wall()
    if (now < session.until) return provenSession(session)
    if (now >= session.end || session.refreshToken === undefined) return undefined
    return this.#refresh(exchange, session, session.refreshToken)
  }

  /** For whoever can be sent to a login page; a script that asks for JSON is told 401. */
  login(exchange: Exchange): Answer | undefined {
    const { method, headers } = exchange.request
    if (method !== 'GET' && method !== 'HEAD') return undefined
    if (headers.get('x-requested-with') !== undefined || exchange.request.upgrade !== '') return undefined
    if (headers.get('accept')?.includes('text/html') !== true) return undefined
    const mode = headers.get('sec-fetch-mode')
    if (mode !== undefined && mode !== 'navigate') return undefined
    return this.#pending(async () => {
      const { path, query } = exchange
      const back = query === undefined ? path : `${path}?${query}`
      const redirect = `${this.#origin(exchange)}${this.#input.callback}`
      const { url, login } = await this.#provider.begin(redirect, back)
      const value = this.#seal.close('login', login)
      const cookie = `Set-Cookie: ${this.#loginCookie(login.state)}=${value}; ${this.#attributes(exchange)}; Max-Age=600\r\n`
      return redirection(302, url, cookie, 'to the login')
    })
  }

  #finish(exchange: Exchange): Answer {
    const { query } = exchange
    const state = queryValue(query, 'state')
    if (query === undefined || state === undefined) return denied('a callback without a state')
    const name = this.#loginCookie(state)
    const kept = cookieValue(exchange.request.headers.get('cookie'), name)
    const login = kept === undefined ? undefined : this.#seal.open<Login>('login', kept)
    if (login === undefined || login.state !== state || login.until <= Date.now()) {
      return denied('a callback for a login that did not begin in this browser')
    }
    return this.#pending(async () => {
      let session: Session | undefined
      try {
        session = sessionOf(
          await this.#provider.finish(query, login),
          this.#input,
          this.#context.clock.wall()
        )
      } catch (error) {
        return denied(`the login failed: ${messageOf(error)}`)
      }
      const cookies = session === undefined ? '' : this.#sessionLines(exchange, session)
      if (cookies === '') return denied('the login names nobody, or its session is too large for cookies')
      const gone = `Set-Cookie: ${name}=; ${this.#attributes(exchange)}; Max-Age=0\r\n`
      return redirection(303, `${this.#origin(exchange)}${ownPath(login.back)}`, cookies + gone, 'logged in')
    })
  }

  #logout(exchange: Exchange): Answer {
    const home = `${this.#origin(exchange)}/`
    const cookies = this.#jar.clear(exchange.request.headers.get('cookie'), this.#attributes(exchange))
    // A copy of the cookie is of no use either.
    const sid = this.#sessionOf(exchange)?.claims['sid']
    if (typeof sid === 'string' && !exchange.dry) this.#ended.end({ sid }, this.#context.clock.wall())
    return this.#pending(async () => {
      const url = await this.#provider.logoutUrl(home).catch(() => undefined)
      return redirection(303, url ?? home, cookies, 'logged out')
    })
  }

  /** OpenID Connect Back-Channel Logout 1.0 §2.5. */
  #toldOfLogout(exchange: Exchange): Answer {
    const { method, bodyLength } = exchange.request
    if (method !== 'POST' || bodyLength === 0) return answered(400, 'a logout without a token')
    const pending = this.#pending(() => Promise.resolve(answered(400, 'a logout without a token')))
    const start = (done: (answer: Answer) => void): (() => void) => {
      const held = new HeldBody(MAX_LOGOUT_BYTES, () => {
        const form = new URLSearchParams(Buffer.concat(held.chunks).toString('latin1'))
        const text = held.whole ? (form.get('logout_token') ?? '') : ''
        this.#logouts.read(text).then(
          (told) => {
            if (typeof told === 'string') return done(answered(400, `a logout that is none: ${told}`))
            this.#ended.end(told, this.#context.clock.wall())
            done(answered(200, 'a session has ended at the provider'))
          },
          () => done(answered(400, 'a logout that is none'))
        )
      })
      exchange.holdBody(held)
      exchange.startBody()
      return () => {}
    }
    return { ...pending, start }
  }

  /** OpenID Connect Front-Channel Logout 1.0 §3: in a frame, where browsers send no cookies; the sid is the secret. */
  #sentToLogout(exchange: Exchange): Answer {
    const { query } = exchange
    const sid = queryValue(query, 'sid')
    const issuer = queryValue(query, 'iss')
    if (sid === undefined || sid === '' || sid.length > 1024 || issuer !== this.#input.issuer)
      return answered(400, 'a logout of nobody')
    if (!exchange.dry) this.#ended.end({ sid }, this.#context.clock.wall())
    const cookies = this.#jar.clear(exchange.request.headers.get('cookie'), this.#attributes(exchange))
    return answered(200, 'a session has ended at the provider', cookies)
  }

  #refresh(exchange: Exchange, session: Session, token: string): Answer {
    return this.#pending(async () => {
      const refreshed = await this.#refreshes.once(hash('sha256', token), async () =>
        sessionOf(await this.#provider.refresh(token), this.#input, this.#context.clock.wall(), session)
      )
      if (refreshed === undefined) return this.login(exchange) ?? denied('the session could not be refreshed')
      exchange.addResponseLines(this.#sessionLines(exchange, refreshed))
      return provenSession(refreshed)
    })
  }

  #pending(act: () => Promise<Answer>): Pending {
    return {
      kind: 'pending',
      asks: this.#input.issuer,
      timeoutMs: this.#input.timeout,
      start: (done) => {
        act().then(done, (error: unknown) =>
          done({ kind: 'denied', code: 'LB_AUTH_UNAVAILABLE', reason: `the provider: ${messageOf(error)}` })
        )
        return () => {}
      }
    }
  }

  #sessionOf(exchange: Exchange): Session | undefined {
    const sealed = this.#jar.read(exchange.request.headers.get('cookie'))
    const session = sealed === undefined ? undefined : this.#seal.open<Session>('session', sealed)
    return session === undefined || this.#ended.has(session) ? undefined : session
  }

  #sessionLines(exchange: Exchange, session: Session): string {
    const seconds = Math.max(1, Math.floor((session.end - this.#context.clock.wall()) / 1000))
    return this.#jar.write(
      this.#seal.close('session', session),
      `${this.#attributes(exchange)}; Max-Age=${seconds}`
    )
  }

  /** Which of the few cookies for logins a state has. */
  #loginCookie(state: string): string {
    return `${this.#input.cookie}_login_${parseInt(hash('sha256', state).slice(0, 8), 16) % LOGINS}`
  }

  #attributes(exchange: Exchange): string {
    return `Path=/; HttpOnly; SameSite=Lax${this.#origin(exchange).startsWith('https:') ? '; Secure' : ''}`
  }

  #origin(exchange: Exchange): string {
    const { origin } = this.#input
    return origin === undefined
      ? `${clientScheme(exchange)}://${exchange.request.host}`
      : new URL(origin).origin
  }

  challenge(): string {
    return `OpenIDConnect realm="${this.#context.realm}"`
  }

  strip(exchange: Exchange): void {
    const logins = Array.from({ length: LOGINS }, (_, index) => `${this.#input.cookie}_login_${index}`)
    stripCookie(exchange, ...this.#jar.names, ...logins)
  }
}

/** Nothing in it can name another host: "//evil.example" would. */
function ownPath(back: string): string {
  return `/${back.replace(/^[/\\]+/, '')}`.replace(/[^\x21-\x7e]/g, (c) => encodeURIComponent(c))
}

function redirection(status: number, to: string, cookies: string, reason: string): Reply {
  const fields = `Location: ${to}\r\nCache-Control: no-store\r\n${cookies}`
  return {
    kind: 'reply',
    outcome: 'login',
    reason,
    send: (exchange) => sendLocal(exchange, status, fields, Buffer.alloc(0))
  }
}

function answered(status: number, reason: string, cookies = ''): Reply {
  const fields = `Cache-Control: no-store\r\n${cookies}`
  const send = (exchange: Exchange) => sendLocal(exchange, status, fields, Buffer.alloc(0))
  return { kind: 'reply', outcome: status === 200 ? 'login' : 'refused', reason, send }
}

function denied(reason: string): Denied {
  return { kind: 'denied', reason }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
