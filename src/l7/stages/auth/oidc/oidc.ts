import { clientScheme } from '../../../headers/client-scheme.ts'
import { hash } from 'node:crypto'
import { cookieValue } from '../../../../core/cookies.ts'
import type { Exchange } from '../../../exchange/exchange.ts'
import { queryValue } from '../../../uri/query.ts'
import type { Answer, AuthMethod, Pending } from '../auth-method.ts'
import type { MethodContext } from '../method-context.ts'
import { stripCookie } from '../strip-credential.ts'
import { CookieJar } from './cookie-jar.ts'
import { EndedSessions } from './ended-sessions.ts'
import type { OidcInput } from './keys.ts'
import { LogoutTokens } from './logout-token.ts'
import { type Login, Provider } from './provider.ts'
import { RefreshTurns } from './refresh/refresh-turns.ts'
import { Refreshes } from './refresh/refreshes.ts'
import { messageOf } from '../../../../core/errors.ts'
import { denied, redirection, waiting } from './replies.ts'
import { Seal } from './seal.ts'
import { SessionNews } from './session-news.ts'
import { provenSession, type Session, sessionOf } from './session.ts'
import { Sessions } from './sessions.ts'
import { ToldLogouts } from './told-logouts.ts'

/** Logins that one browser may have begun at the same time; an older one must begin again. */
const LOGINS = 4
/** Calls to Redis have their own deadline; this extra time is for those that hang in spite of it. */
const BEYOND_MS = 100

const channels = new FinalizationRegistry<readonly { close(): void }[]>((open) =>
  open.forEach((each) => each.close())
)

/**
 * Login at an OpenID provider: code flow with PKCE, state and nonce; the session is an encrypted cookie or a record in
 * Redis.
 */
export class Oidc implements AuthMethod {
  readonly name = 'oidc'
  readonly #input: OidcInput
  readonly #provider: Provider
  readonly #seal: Seal
  readonly #jar: CookieJar
  readonly #sessions: Sessions
  readonly #refreshes: Refreshes
  readonly #context: MethodContext
  readonly #ended: EndedSessions
  readonly #told: ToldLogouts

  constructor(input: OidcInput, context: MethodContext) {
    this.#input = input
    this.#context = context
    this.#provider = new Provider(input)
    this.#seal = new Seal(input.sessionSecret ?? input.clientSecret, input.issuer, input.clientId)
    this.#jar = new CookieJar(input.cookie)
    const { issuer, clientId, session, timeout: timeoutMs } = input
    const { clock, log, turns, instance = '' } = context
    const seal = this.#seal
    const name = hash('sha256', `${issuer}\n${clientId}`)
    const shared = context.sessions?.open(name.slice(0, 32))
    const news = new SessionNews(`${instance} ${name}`, context.dry)
    const ended = new EndedSessions(news, session, clock, shared)
    channels.register(this, [news, ended])
    this.#ended = ended
    this.#refreshes = new Refreshes({
      clock,
      news,
      timeoutMs,
      turns: turns && new RefreshTurns(turns),
      remote: shared,
      seal
    })
    this.#sessions = new Sessions({
      clock,
      seal,
      jar: this.#jar,
      ended,
      remote: input.store === 'redis' ? shared : undefined
    })
    const tokens = new LogoutTokens({ issuer, clientId, timeout: timeoutMs }, clock, log)
    this.#told = new ToldLogouts({ issuer, timeoutMs, clock, ended, tokens })
  }

  check(exchange: Exchange): Answer | undefined {
    const { path } = exchange
    if (path === this.#input.callback) return this.#finish(exchange)
    if (path === this.#input.logout) return this.#logout(exchange)
    if (path === this.#input.backchannel) return this.#told.back(exchange)
    if (path === this.#input.frontchannel) return this.#told.front(exchange, this.#noCookies(exchange))
    const field = exchange.request.headers.get('cookie')
    const sessions = this.#sessions
    if (sessions.remote === undefined) return this.#judge(exchange, sessions.sealed(field))
    const id = sessions.idOf(field)
    if (id === undefined) return undefined
    const { timeoutMs } = sessions.remote
    const redis = { name: 'the sessions in Redis', asks: 'Redis', timeoutMs: timeoutMs + BEYOND_MS }
    return waiting(redis, async () => this.#judge(exchange, await sessions.read(id)))
  }

  #judge(exchange: Exchange, session: Session | undefined): Answer | undefined {
    if (session === undefined) return undefined
    const now = this.#context.clock.wall()
    if (now < session.until) return provenSession(session)
    if (now >= session.end || session.refreshToken === undefined) return undefined
    return this.#refresh(exchange, session, session.refreshToken)
  }

  /** For clients that can show a login page; a script that asks for JSON gets 401. */
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
      const { remote } = this.#sessions
      // Check this first, so that the code is not used up: the browser can send it again.
      if (remote !== undefined && !(await remote.reachable())) throw new Error('Redis is not reachable')
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
      const kept = session !== undefined && (await this.#sessions.save(session, false))
      const cookies = kept ? this.#sessions.lines(session!, this.#attributes(exchange)) : ''
      if (cookies === '') return denied('the login has no name, or its session is too large')
      const gone = `Set-Cookie: ${name}=; ${this.#attributes(exchange)}; Max-Age=0\r\n`
      return redirection(303, `${this.#origin(exchange)}${ownPath(login.back)}`, cookies + gone, 'logged in')
    })
  }

  #logout(exchange: Exchange): Answer {
    const home = `${this.#origin(exchange)}/`
    const cookies = this.#noCookies(exchange)
    return this.#pending(async () => {
      const [url] = await Promise.all([
        this.#provider.logoutUrl(home).catch(() => undefined),
        this.#end(exchange.request.headers.get('cookie'))
      ])
      return redirection(303, url ?? home, cookies, 'logged out')
    })
  }

  /** Copies of the cookie become useless too. */
  async #end(field: string | undefined): Promise<void> {
    const sessions = this.#sessions
    const known = sessions.remote === undefined ? undefined : sessions.idOf(field)
    const session =
      sessions.remote === undefined
        ? sessions.sealed(field)
        : known && (await sessions.read(known).catch(() => undefined))
    const id = known ?? (session || undefined)?.id
    const sid = (session || undefined)?.claims['sid']
    if (id === undefined && typeof sid !== 'string') return
    await this.#ended.end({ id, sid: typeof sid === 'string' ? sid : undefined }, this.#context.clock.wall())
    if (known !== undefined) await sessions.remove(known)
  }

  #refresh(exchange: Exchange, session: Session, token: string): Answer {
    return this.#pending(async () => {
      const sessions = this.#sessions
      const refreshed = await this.#refreshes.once(
        hash('sha256', token),
        async () =>
          sessionOf(await this.#provider.refresh(token), this.#input, this.#context.clock.wall(), session),
        (next) => sessions.save(next, true)
      )
      if (refreshed === undefined || this.#ended.has(refreshed)) {
        await sessions.remove(session.id)
        return undefined
      }
      if (sessions.remote === undefined)
        exchange.addResponseLines(sessions.lines(refreshed, this.#attributes(exchange)))
      return provenSession(refreshed)
    })
  }

  #pending(act: () => Promise<Answer | undefined>): Pending {
    const { issuer, timeout } = this.#input
    return waiting({ name: 'the provider', asks: issuer, timeoutMs: timeout }, act)
  }

  #noCookies(exchange: Exchange): string {
    return this.#jar.clear(exchange.request.headers.get('cookie'), this.#attributes(exchange))
  }

  /** Which of the few login cookies belongs to a state. */
  #loginCookie(state: string): string {
    return `${this.#input.cookie}_login_${parseInt(hash('sha256', state).slice(0, 8), 16) % LOGINS}`
  }

  #attributes(exchange: Exchange): string {
    return `Path=/; HttpOnly; SameSite=Lax${this.#origin(exchange).startsWith('https:') ? '; Secure' : ''}`
  }

  #origin(exchange: Exchange): string {
    const { origin } = this.#input
    return origin === undefined
      ? `${clientScheme(exchange)}://${exchange.authority ?? exchange.request.host}`
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

/** It must not name another host, as "//evil.example" would. */
function ownPath(back: string): string {
  return `/${back.replace(/^[/\\]+/, '')}`.replace(/[^\x21-\x7e]/g, (c) => encodeURIComponent(c))
}
