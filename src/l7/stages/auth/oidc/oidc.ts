import { clientScheme } from '../../../headers/client-scheme.ts'
import { hash } from 'node:crypto'
import type { Exchange } from '../../../exchange/exchange.ts'
import { queryValue } from '../../../uri/query.ts'
import type { Answer, AuthMethod, Pending } from '../auth-method.ts'
import type { MethodContext } from '../method-context.ts'
import { stripCookie } from '../strip-credential.ts'
import { CookieJar } from './cookies/cookie-jar.ts'
import { EndedSessions } from './ended-sessions.ts'
import type { OidcInput } from './keys.ts'
import { LogoutTokens } from './logout-token.ts'
import { LoginCookies } from './cookies/login-cookies.ts'
import { LogoutHint } from './cookies/logout-hint.ts'
import { isOutage, providerFault } from './provider-fault.ts'
import { Provider } from './provider.ts'
import { RefreshTurns } from './refresh/refresh-turns.ts'
import type { RemoteSessions } from './remote-sessions.ts'
import { Refreshes } from './refresh/refreshes.ts'
import { comesFromElsewhere, confirmation } from './logout-question.ts'
import { failed, redirection, waiting } from './replies.ts'
import { Seal } from './seal.ts'
import { SessionNews } from './session-news.ts'
import { provenSession, type Session, sessionOf, type TokenAnswer, whyNoName } from './session.ts'
import { Sessions } from './sessions.ts'
import { ToldLogouts } from './told-logouts.ts'

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
  readonly #logins: LoginCookies
  readonly #hint: LogoutHint
  readonly #sessions: Sessions
  readonly #refreshes: Refreshes
  readonly #context: MethodContext
  readonly #ended: EndedSessions
  readonly #told: ToldLogouts
  /** Undefined: scheme and host are those of each request. */
  readonly #fixed: URL | undefined

  constructor(input: OidcInput, context: MethodContext) {
    this.#input = input
    this.#context = context
    this.#fixed = input.origin === undefined ? undefined : new URL(input.origin)
    this.#provider = new Provider(input)
    this.#seal = new Seal(input.sessionSecret ?? input.clientSecret, input.issuer, input.clientId)
    this.#jar = new CookieJar(input.cookie)
    this.#logins = new LoginCookies(input.cookie, this.#seal)
    this.#hint = new LogoutHint(input.cookie, input.logout, this.#seal)
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
    const host = this.#host(exchange)
    const sessions = this.#sessions
    if (sessions.remote === undefined) return this.#judge(exchange, sessions.sealed(field, host))
    const id = sessions.idOf(field, host)
    if (id === undefined) return undefined
    return this.#asksRedis(exchange, sessions.remote, async (withinMs) =>
      this.#judge(exchange, await sessions.read(id, withinMs))
    )
  }

  /** `act` gets what earlier questions of the request have left of the time, at least half: limits do not take more. */
  #asksRedis(
    exchange: Exchange,
    { timeoutMs }: RemoteSessions,
    act: (withinMs: number) => Promise<Answer | undefined>
  ): Pending {
    const { clock } = this.#context
    const withinMs = Math.max(timeoutMs / 2, timeoutMs - exchange.sharedWaitMs)
    return waiting(
      { name: 'the sessions in Redis', asks: 'Redis', timeoutMs: timeoutMs + BEYOND_MS },
      async () => {
        const since = clock.now()
        try {
          return await act(withinMs)
        } finally {
          exchange.sharedWaitMs += Math.ceil(clock.now() - since)
        }
      }
    )
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
      const { forwardPath, query } = exchange
      const back = query === undefined ? forwardPath : `${forwardPath}?${query}`
      const redirect = `${this.#origin(exchange)}${this.#input.callback}`
      const { url, login } = await this.#provider.begin(redirect, back, this.#context.clock.wall())
      const cookies = this.#logins.begin(login, headers.get('cookie'), this.#attributes(exchange))
      return redirection(302, url, cookies, 'to the login')
    })
  }

  #finish(exchange: Exchange): Answer {
    const { query } = exchange
    const { clock } = this.#context
    const state = queryValue(query, 'state')
    if (query === undefined || state === undefined) return failed('a callback without a state')
    const field = exchange.request.headers.get('cookie')
    const login = this.#logins.find(state, field, clock.wall())
    if (login === undefined) return this.#stale(exchange, field)
    return this.#pending(async () => {
      const { remote } = this.#sessions
      // Check this first, so that the code is not used up: the browser can send it again.
      if (remote !== undefined && !(await remote.reachable())) throw new Error('Redis is not reachable')
      let tokens: TokenAnswer
      try {
        tokens = await this.#provider.finish(query, login)
      } catch (error) {
        // The login is kept: the browser may come back with it.
        if (isOutage(error)) throw error
        return failed(`the login failed: ${providerFault(error)}`)
      }
      const session = sessionOf(tokens, this.#input, clock.wall())
      if (session === undefined) return failed(whyNoName(tokens, this.#input))
      const kept = await this.#sessions.save(session, false)
      const attributes = this.#attributes(exchange)
      const host = this.#host(exchange)
      const cookies = kept ? this.#sessions.lines(session, host, attributes) : ''
      if (cookies === '')
        return failed(`the session is too large${remote ? '' : ' for cookies (store: redis)'}`)
      const gone = this.#logins.end(state, attributes)
      const seconds = Math.floor((session.end - clock.wall()) / 1000)
      const hint = this.#hint.lines(tokens.idToken, host, this.#flags(exchange), seconds)
      const back = `${this.#origin(exchange)}${ownPath(login.back)}`
      return redirection(303, back, cookies + hint + gone, 'logged in')
    })
  }

  /** A callback that this browser did not begin, or has used: by "Back", for one. Who is logged in goes home. */
  #stale(exchange: Exchange, field: string | undefined): Answer {
    const unknown = failed('a callback for a login that did not begin in this browser, or took too long')
    const sessions = this.#sessions
    const home = (session: Session | undefined): Answer =>
      session === undefined || this.#context.clock.wall() >= session.end
        ? unknown
        : redirection(303, `${this.#origin(exchange)}/`, '', 'is logged in')
    const host = this.#host(exchange)
    if (sessions.remote === undefined) return home(sessions.sealed(field, host))
    const id = sessions.idOf(field, host)
    if (id === undefined) return unknown
    return this.#asksRedis(exchange, sessions.remote, async (withinMs) =>
      home(await sessions.read(id, withinMs))
    )
  }

  #logout(exchange: Exchange): Answer {
    const origin = this.#origin(exchange)
    if (comesFromElsewhere(exchange, origin)) return confirmation()
    const home = `${origin}/`
    const host = this.#host(exchange)
    const field = exchange.request.headers.get('cookie')
    const cookies = this.#noCookies(exchange) + this.#hint.clear(field, this.#flags(exchange))
    return this.#pending(async () => {
      const [url] = await Promise.all([
        this.#provider.logoutUrl(home, this.#hint.read(field, host)).catch(() => undefined),
        this.#end(field, host)
      ])
      return redirection(303, url ?? home, cookies, 'logged out')
    })
  }

  /** Copies of the cookie become useless too. */
  async #end(field: string | undefined, host: string): Promise<void> {
    const sessions = this.#sessions
    const known = sessions.remote === undefined ? undefined : sessions.idOf(field, host)
    const session =
      sessions.remote === undefined
        ? sessions.sealed(field, host)
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
        exchange.addResponseLines(sessions.lines(refreshed, this.#host(exchange), this.#attributes(exchange)))
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

  #attributes(exchange: Exchange): string {
    return `Path=/; ${this.#flags(exchange)}`
  }

  #flags(exchange: Exchange): string {
    return `HttpOnly; SameSite=Lax${this.#origin(exchange).startsWith('https:') ? '; Secure' : ''}`
  }

  #origin(exchange: Exchange): string {
    return this.#fixed?.origin ?? `${clientScheme(exchange)}://${exchange.authority ?? exchange.request.host}`
  }

  /** What cookies are for. The port is none of it: browsers send them to all ports of a host. */
  #host(exchange: Exchange): string {
    return this.#fixed?.hostname ?? exchange.host
  }

  challenge(): string {
    return `OpenIDConnect realm="${this.#context.realm}"`
  }

  strip(exchange: Exchange): void {
    const logins = this.#logins.namesIn(exchange.request.headers.get('cookie'))
    stripCookie(exchange, ...this.#jar.names, ...this.#hint.names, ...logins)
  }
}

/** It must not name another host, as "//evil.example" would. */
function ownPath(back: string): string {
  return `/${back.replace(/^[/\\]+/, '')}`.replace(/[^\x21-\x7e]/g, (c) => encodeURIComponent(c))
}
