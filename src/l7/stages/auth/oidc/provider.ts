import type * as OpenId from 'openid-client'
import type { OidcInput } from './keys.ts'
import { RefreshRefused } from './refresh/refresh-refused.ts'
import type { TokenAnswer } from './session.ts'

type Tokens = OpenId.TokenEndpointResponse & OpenId.TokenEndpointResponseHelpers

/** The start of a login; the browser keeps it, encrypted. */
export interface Login {
  readonly state: string
  readonly nonce: string
  readonly verifier: string
  /** Path and query, always on the same host. */
  readonly back: string
  readonly redirect: string
  /** ms since 1970. */
  readonly until: number
}

/** Errors that say that a refresh token is no longer valid (RFC 6749 §5.2, OpenID Connect Core §3.1.2.6). */
const REFUSALS = new Set([
  'invalid_grant',
  'login_required',
  'interaction_required',
  'consent_required',
  'account_selection_required'
])
/** Time after a failure before the provider is asked again. */
const RETRY_MS = 1000

/** The provider, through openid-client, which is loaded at the first login. */
export class Provider {
  readonly #input: OidcInput
  #known: Promise<{ readonly openid: typeof OpenId; readonly config: OpenId.Configuration }> | undefined
  #failedAt = -Infinity

  constructor(input: OidcInput) {
    this.#input = input
  }

  /** `now` in ms since 1970. */
  async begin(
    redirect: string,
    back: string,
    now: number
  ): Promise<{ readonly url: string; readonly login: Login }> {
    const { openid, config } = await this.#discover()
    const verifier = openid.randomPKCECodeVerifier()
    const state = openid.randomState()
    const nonce = openid.randomNonce()
    const url = openid.buildAuthorizationUrl(config, {
      redirect_uri: redirect,
      scope: [...new Set(['openid', ...this.#input.scopes])].join(' '),
      code_challenge: await openid.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      state,
      nonce,
      ...this.#more
    })
    return { url: url.href, login: { state, nonce, verifier, back, redirect, until: now + 600_000 } }
  }

  /** OpenID Connect Core §11: a refresh token needs the user's consent, unless the operator knows better (`params`). */
  get #more(): Record<string, string> {
    const { scopes, params } = this.#input
    const all = { ...(scopes.includes('offline_access') && { prompt: 'consent' }), ...params }
    return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== ''))
  }

  /** Throws when the provider, the code, the state or the ID token is not valid. */
  async finish(query: string, login: Login): Promise<TokenAnswer> {
    const { openid, config } = await this.#discover()
    const url = new URL(`${login.redirect}?${query}`)
    const tokens = await openid.authorizationCodeGrant(config, url, {
      pkceCodeVerifier: login.verifier,
      expectedState: login.state,
      expectedNonce: login.nonce,
      idTokenExpected: true
    })
    return this.#answer(tokens)
  }

  /** Throws RefreshRefused when the provider refuses the token. */
  async refresh(token: string): Promise<TokenAnswer> {
    const { openid, config } = await this.#discover()
    try {
      return await this.#answer(await openid.refreshTokenGrant(config, token))
    } catch (error) {
      if (error instanceof openid.ResponseBodyError && REFUSALS.has(error.error))
        throw new RefreshRefused(error.error, { cause: error })
      throw error
    }
  }

  async #answer(tokens: Tokens): Promise<TokenAnswer> {
    const claims = tokens.claims()
    const answer = {
      claims,
      idToken: tokens.id_token,
      expiresIn: tokens.expiresIn(),
      scope: tokens.scope,
      refreshToken: tokens.refresh_token
    }
    if (!this.#input.userinfo || claims === undefined) return answer
    const { openid, config } = await this.#discover()
    const more = await openid.fetchUserInfo(config, tokens.access_token, claims.sub)
    return { ...answer, claims: { ...more, ...claims } }
  }

  /** URL that ends the session at the provider; undefined when the provider has none. `hint`: the ID token of the login. */
  async logoutUrl(back: string, hint: string | undefined): Promise<string | undefined> {
    const { openid, config } = await this.#discover()
    if (config.serverMetadata().end_session_endpoint === undefined) return undefined
    return openid.buildEndSessionUrl(config, {
      post_logout_redirect_uri: back,
      ...(hint !== undefined && { id_token_hint: hint })
    }).href
  }

  #discover(): Promise<{ readonly openid: typeof OpenId; readonly config: OpenId.Configuration }> {
    if (this.#known === undefined) {
      if (performance.now() - this.#failedAt < RETRY_MS)
        return Promise.reject(new Error('the provider did not answer'))
      this.#known = this.#load()
      this.#known.catch(() => {
        this.#known = undefined
        this.#failedAt = performance.now()
      })
    }
    return this.#known
  }

  async #load() {
    const openid = await import('openid-client')
    const { issuer, clientId, clientSecret, clientAuth, skew, timeout } = this.#input
    const server = new URL(issuer)
    const basic = openid.ClientSecretBasic(clientSecret)
    const post = openid.ClientSecretPost(clientSecret)
    const config = await openid.discovery(
      server,
      clientId,
      { client_secret: clientSecret, [openid.clockTolerance]: Math.ceil(skew / 1000) },
      (as, ...rest) =>
        ((clientAuth ?? usualAuth(as.token_endpoint_auth_methods_supported)) === 'post' ? post : basic)(
          as,
          ...rest
        ),
      {
        timeout: Math.ceil(timeout / 1000),
        // The operator wrote http: a provider on the same machine.
        execute: server.protocol === 'http:' ? [openid.allowInsecureRequests] : []
      }
    )
    return { openid, config }
  }
}

/** Without a word in the metadata it is `basic` (OpenID Connect Discovery §3). */
function usualAuth(supported: readonly string[] | undefined): 'basic' | 'post' {
  const postAlone =
    supported?.includes('client_secret_post') === true && !supported.includes('client_secret_basic')
  return postAlone ? 'post' : 'basic'
}
