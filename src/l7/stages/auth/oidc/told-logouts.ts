import type { Clock } from '../../../../core/clock.ts'
import type { Exchange } from '../../../exchange/exchange.ts'
import { HeldBody } from '../../../exchange/held-body.ts'
import { queryValue } from '../../../uri/query.ts'
import type { Answer, Denied, Reply } from '../auth-method.ts'
import type { EndedSessions, Ending } from './ended-sessions.ts'
import type { LogoutTokens } from './logout-token.ts'
import { acknowledged, badRequest, unavailable, waiting } from './replies.ts'

/** A token of a few hundred bytes, in a form. */
const MAX_LOGOUT_BYTES = 32 * 1024

export interface ToldLogoutsDeps {
  readonly issuer: string
  readonly timeoutMs: number
  readonly clock: Clock
  readonly ended: EndedSessions
  readonly tokens: LogoutTokens
}

/** The paths on which the provider reports that a session has ended. */
export class ToldLogouts {
  readonly #deps: ToldLogoutsDeps

  constructor(deps: ToldLogoutsDeps) {
    this.#deps = deps
  }

  /** OpenID Connect Back-Channel Logout 1.0 §2.5. */
  back(exchange: Exchange): Answer {
    const { method, bodyLength } = exchange.request
    if (method !== 'POST' || bodyLength === 0) return badRequest('a logout without a token')
    const pending = this.#waiting(() => Promise.resolve(badRequest('a logout without a token')))
    const start = (done: (answer: Answer) => void): (() => void) => {
      const held = new HeldBody(MAX_LOGOUT_BYTES, () => {
        const form = new URLSearchParams(Buffer.concat(held.chunks).toString('latin1'))
        const text = held.whole ? (form.get('logout_token') ?? '') : ''
        this.#read(text).then(done, () => done(badRequest('a logout that cannot be read')))
      })
      exchange.holdBody(held)
      exchange.startBody()
      return () => {}
    }
    return { ...pending, start }
  }

  /**
   * OpenID Connect Front-Channel Logout 1.0 §3: it is loaded in a frame, where browsers send no cookies; the sid is the
   * secret.
   */
  front(exchange: Exchange, cookies: string): Answer {
    const { query } = exchange
    const sid = queryValue(query, 'sid')
    const issuer = queryValue(query, 'iss')
    if (sid === undefined || sid === '' || sid.length > 1024 || issuer !== this.#deps.issuer)
      return badRequest('a logout without issuer and session')
    return this.#waiting(() => this.#end({ sid }, cookies))
  }

  async #read(text: string): Promise<Reply | Denied> {
    const told = await this.#deps.tokens.read(text)
    return typeof told === 'string' ? badRequest(`a logout that is refused: ${told}`) : this.#end(told)
  }

  async #end(ending: Ending, cookies = ''): Promise<Reply | Denied> {
    const { ended, clock } = this.#deps
    const known = await ended.end(ending, clock.wall())
    return known
      ? acknowledged('a session has ended at the provider', cookies)
      : unavailable('a session has ended at the provider; other instances cannot be informed now', cookies)
  }

  #waiting(act: () => Promise<Answer>) {
    const { issuer, timeoutMs } = this.#deps
    return waiting({ name: 'the provider', asks: issuer, timeoutMs }, act)
  }
}
