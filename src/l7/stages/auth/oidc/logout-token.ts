import type { Clock } from '../../../../core/clock.ts'
import type { Logger } from '../../../../core/log/log.ts'
import { isSigned, usualAlgorithms } from '../jwt/algorithms.ts'
import { candidates } from '../jwt/key-set.ts'
import { isSameIssuer, RemoteKeys } from '../jwt/key-source.ts'
import { readToken, type Token } from '../jwt/read-token.ts'

const EVENT = 'http://schemas.openid.net/event/backchannel-logout'
const SKEW_MS = 60_000
/** A token without `exp` is accepted this long. */
const LASTS_MS = 600_000
const REFRESH_MS = 3_600_000

export interface LogoutTokensOptions {
  readonly issuer: string
  readonly clientId: string
  readonly timeout: number
}

/** Who is logged out. At least one of the two is present. */
export interface LoggedOut {
  readonly sid: string | undefined
  readonly sub: string | undefined
}

/** Checks a provider's notice that a session has ended (OpenID Connect Back-Channel Logout 1.0 §2.6). */
export class LogoutTokens {
  readonly #options: LogoutTokensOptions
  readonly #clock: Clock
  readonly #keys: RemoteKeys

  constructor(options: LogoutTokensOptions, clock: Clock, log: Logger) {
    const { issuer, timeout } = options
    this.#options = options
    this.#clock = clock
    this.#keys = new RemoteKeys(
      { url: undefined, issuer, anySlash: true, refreshMs: REFRESH_MS, timeoutMs: timeout },
      clock,
      log
    )
  }

  /** Returns a sentence when the token is not valid for this provider and client now. */
  async read(text: string): Promise<LoggedOut | string> {
    const token = readToken(text)
    if (token === undefined) return 'not a signed token'
    const wrong = this.#whyNot(token)
    if (wrong !== undefined) return wrong
    if (!this.#isSigned(token)) {
      if (!this.#keys.mayAsk()) return 'the signature is wrong'
      await new Promise<void>((resolve) => void this.#keys.ask(resolve))
      if (!this.#isSigned(token)) return 'the signature is wrong'
    }
    const { sid, sub } = token.claims as Record<string, string | undefined>
    return { sid, sub }
  }

  #whyNot({ header, claims }: Token): string | undefined {
    const { typ } = header
    if (typ !== undefined && !/^(application\/)?(logout\+jwt|jwt)$/i.test(String(typ)))
      return 'another type of token'
    if (['crit', 'b64', 'zip', 'cty', 'enc'].some((name) => Object.hasOwn(header, name)))
      return 'a header that is not understood'
    const { iss, aud, iat, exp, nonce, events, jti, sid, sub } = claims
    if (typeof iss !== 'string' || !isSameIssuer(iss, this.#options.issuer)) return 'from another issuer'
    if (![aud].flat().includes(this.#options.clientId)) return 'for another client'
    const now = this.#clock.wall()
    if (typeof iat !== 'number' || iat * 1000 > now + SKEW_MS) return 'iat is missing, or in the future'
    const until = exp === undefined ? iat * 1000 + LASTS_MS : typeof exp === 'number' ? exp * 1000 : NaN
    if (!(until + SKEW_MS > now)) return 'expired'
    // An ID token with a nonce must not be taken for a logout token.
    if (nonce !== undefined || typeof jti !== 'string') return 'not a logout token'
    if (
      typeof events !== 'object' ||
      events === null ||
      typeof (events as Record<string, unknown>)[EVENT] !== 'object'
    )
      return 'not a logout token'
    const names = [sid, sub].filter((name) => name !== undefined)
    if (
      names.length === 0 ||
      !names.every((name) => typeof name === 'string' && name !== '' && name.length <= 1024)
    )
      return 'it names no user and no session'
    return undefined
  }

  #isSigned({ header, data, signature }: Token): boolean {
    const algorithm = usualAlgorithms.find((name) => name === header['alg'])
    if (algorithm === undefined) return false
    return candidates(this.#keys.keys, algorithm, header['kid']).some(({ key }) =>
      isSigned(algorithm, key, data, signature)
    )
  }
}
