import type { Clock } from '../../../../core/clock.ts'
import type { Exchange } from '../../../exchange/exchange.ts'
import type { Answer, AuthMethod, Denied, Pending, Proven } from '../auth-method.ts'
import { bearerChallenge, tokenIn } from '../bearer.ts'
import type { MethodContext } from '../method-context.ts'
import { onlyCookie, onlyParameter, TWICE } from '../one-credential.ts'
import { stripCookie, stripQuery } from '../strip-credential.ts'
import { isSigned, usualAlgorithms } from './algorithms.ts'
import { KeptKeys } from './kept-keys.ts'
import { candidates, type VerifyKey } from './key-set.ts'
import { type KeySource, RemoteKeys } from './key-source.ts'
import { Dpop, type Shown } from './dpop/dpop.ts'
import type { JwtAlgorithm, JwtInput } from './keys.ts'
import { fileKeys, secretKey } from './local-keys.ts'
import { readToken, type Token } from './read-token.ts'
import { TokenCache } from './token-cache.ts'
import { algorithmOf, identityOf, type TokenRules, whyNot } from './token-rules.ts'

const NOT_A_TOKEN: Denied = { kind: 'denied', reason: 'no JWT', unknown: true, error: 'invalid_token' }
const OTHER_ISSUER: Denied = { ...NOT_A_TOKEN, reason: 'from another issuer' }
const NO_KEYS: Denied = {
  kind: 'denied',
  code: 'LB_AUTH_UNAVAILABLE',
  reason: 'the keys of the issuer could not be fetched yet'
}

/** Signed tokens of one issuer (RFC 7519), checked as RFC 8725 recommends. */
export class Jwt implements AuthMethod {
  readonly name = 'jwt'
  readonly #input: JwtInput
  readonly #rules: TokenRules
  readonly #header: string | undefined
  readonly #source: KeySource
  readonly #cache: TokenCache
  readonly #clock: Clock
  readonly #realm: string
  /** Undefined: whether a token is bound to a key is not looked at. */
  readonly #dpop: Dpop | undefined

  constructor(input: JwtInput, { clock, log, realm, dry, dpop, keySet }: MethodContext) {
    this.#input = input
    const usual: readonly JwtAlgorithm[] = input.secret === undefined ? usualAlgorithms : ['HS256']
    this.#rules = { ...input, algorithms: input.algorithms ?? usual }
    const elsewhere = input.cookie !== undefined || input.query !== undefined
    this.#header = (input.header ?? (elsewhere ? undefined : 'authorization'))?.toLowerCase()
    this.#cache = new TokenCache(input.maxTokens)
    this.#clock = clock
    this.#realm = realm
    this.#dpop = input.dpop === false ? undefined : new Dpop(input.dpop, clock, realm, dpop)
    const { secret, jwks: url, issuer, refresh: refreshMs, timeout: timeoutMs } = input
    if (secret !== undefined) this.#source = secretKey(secret)
    else if (url?.startsWith('file:') === true) this.#source = fileKeys(url.slice('file:'.length), clock, log)
    else {
      const kept = keySet === undefined ? undefined : new KeptKeys(keySet)
      this.#source = new RemoteKeys({ url, issuer, refreshMs, timeoutMs, kept }, clock, log)
    }
    // Fetch early, so that the first request need not wait.
    if (!dry) void this.#source.keys
  }

  check(exchange: Exchange): Answer | undefined {
    const { headers } = exchange.request
    let shown: Shown = this.#header === 'authorization' ? 'Bearer' : 'alone'
    let text = this.#header === undefined ? undefined : tokenIn(headers, this.#header)
    if (text === undefined && this.#dpop !== undefined && this.#header === 'authorization') {
      text = this.#dpop.tokenIn(headers)
      shown = 'DPoP'
    }
    const query = this.#input.query === undefined ? undefined : onlyParameter(exchange, this.#input.query)
    if (text === undefined) {
      const elsewhere = this.#cookieOf(exchange) ?? query
      if (typeof elsewhere === 'object') return elsewhere
      text = elsewhere
      shown = 'alone'
    }
    if (text === undefined) return undefined
    // RFC 6750 §2: one way of sending it. A cookie comes by itself, so a field may replace it.
    if (query !== undefined && query !== text) return TWICE
    // Also for remembered tokens: whether their key is still valid is known only from the issuer's keys.
    void this.#source.keys
    const answer = this.#cache.get(text, this.#clock.wall()) ?? this.#prove(text)
    return this.#dpop === undefined ? answer : held(answer, this.#dpop, exchange, text, shown)
  }

  #cookieOf(exchange: Exchange): string | undefined | Denied {
    const { cookie } = this.#input
    return cookie === undefined ? undefined : onlyCookie(exchange, cookie)
  }

  #prove(text: string): Answer {
    const token = readToken(text)
    if (token === undefined) return NOT_A_TOKEN
    if (token.claims['iss'] !== this.#rules.issuer) return OTHER_ISSUER
    const algorithm = algorithmOf(token, this.#rules)
    if (typeof algorithm !== 'string') return denied(algorithm.wrong)
    const why = whyNot(token, this.#rules, this.#clock.wall())
    if (why !== undefined) return { ...denied(why), guess: false }
    const answer = this.#verify(text, token, algorithm)
    if (answer !== undefined) return answer
    if (this.#source.mayAsk()) return this.#askForKeys(text, token, algorithm)
    return this.#source.keys.length === 0 ? NO_KEYS : denied('signed by a key that the issuer does not have')
  }

  /** Undefined: no key of the issuer fits this token. */
  #verify(text: string, token: Token, algorithm: JwtAlgorithm): Answer | undefined {
    const keys = candidates(this.#source.keys, algorithm, this.#kidOf(token, algorithm))
    if (keys.length === 0) return undefined
    const key = keys.find((each) => isSigned(algorithm, each.key, token.data, token.signature))
    if (key === undefined) return denied('the signature is wrong')
    return this.#remember(text, token, key)
  }

  /** A shared secret has no key id. */
  #kidOf({ header }: Token, algorithm: JwtAlgorithm): unknown {
    return algorithm.startsWith('HS') ? undefined : header['kid']
  }

  #remember(text: string, token: Token, key: VerifyKey): Proven {
    const identity = identityOf(token, this.#rules)
    const proven: Proven = { kind: 'proven', identity, beyondGuessing: true, lastClient: '' }
    this.#cache.put(text, proven, key, (token.claims['exp'] as number) * 1000 + this.#rules.skew)
    return proven
  }

  #askForKeys(text: string, token: Token, algorithm: JwtAlgorithm): Pending {
    return {
      kind: 'pending',
      asks: 'the issuer for its keys',
      timeoutMs: this.#input.timeout,
      start: (done) =>
        this.#source.ask(() => {
          const none = this.#source.keys.length === 0
          done(
            this.#verify(text, token, algorithm) ??
              (none ? NO_KEYS : denied('signed by a key that the issuer does not have'))
          )
        })
    }
  }

  challenge(wrong: Denied | undefined): string {
    return this.#dpop?.challenge(wrong) ?? bearerChallenge(this.#realm, wrong)
  }

  strip(exchange: Exchange): void {
    const { cookie, query } = this.#input
    if (this.#header !== undefined) exchange.setRequestField(this.#header, undefined)
    if (this.#dpop !== undefined) exchange.setRequestField('dpop', undefined)
    if (cookie !== undefined) stripCookie(exchange, cookie)
    if (query !== undefined) stripQuery(exchange, query)
  }
}

/** A token that is bound to a key is proven only with what shows that the key is the client's. */
function held(answer: Answer, dpop: Dpop, exchange: Exchange, token: string, shown: Shown): Answer {
  if (answer.kind === 'proven') return dpop.hold(exchange, token, shown, answer)
  if (answer.kind !== 'pending') return answer
  return {
    ...answer,
    start: (done) => answer.start((last) => done(last && held(last, dpop, exchange, token, shown)))
  }
}

function denied(reason: string): Denied {
  return { kind: 'denied', reason, error: 'invalid_token', guess: true }
}
