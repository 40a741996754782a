import type { L7ListenerConfig } from '../../../config/model/model.ts'
import { comparableName } from '../../../core/cookies.ts'
import type { Exchange } from '../../exchange/exchange.ts'

interface Method {
  /** Parameter with the credential. */
  readonly query?: string
  /** Path at which a login ends, with a code that is worth a session once (RFC 6749 §4.1.2). */
  readonly callback?: string
}

interface Auth {
  readonly methods: readonly Readonly<Record<string, Method | undefined>>[]
}

interface Secret {
  readonly parameters: ReadonlySet<string>
  readonly callbacks: readonly string[]
}

const known = new WeakMap<L7ListenerConfig, Secret>()

const CODE: ReadonlySet<string> = new Set(['code'])
const NONE: ReadonlySet<string> = new Set()

/** Parameters that are credentials wherever they stand (RFC 6749, RFC 6750 §2.3, RFC 7521, OpenID Connect). */
const ALWAYS: ReadonlySet<string> = new Set(
  [
    'access_token',
    'refresh_token',
    'id_token',
    'id_token_hint',
    'logout_token',
    'client_secret',
    'client_assertion',
    'password',
    'passwd'
  ].map(comparableName)
)
/** No name in `ALWAYS`, however it is spelled, is without one of these. */
const perhaps = /token|secret|assertion|passw|%/i

/**
 * A URL of a request as it may be logged: without a password before the host, and without the values of parameters in
 * which `auth` of this listener takes credentials, or which are credentials by their standard.
 */
export function withoutCredentials(url: string, { snapshot }: Exchange): string {
  return withoutParameters(url.includes('@') ? withoutPassword(url) : url, snapshot.config)
}

function withoutPassword(url: string): string {
  return url.replace(/^([a-z][a-z0-9+.-]{0,20}:\/\/)[^/?#@]*@/i, '$1***@')
}

function withoutParameters(url: string, listener: L7ListenerConfig): string {
  const query = url.indexOf('?') + 1
  if (query === 0) return url
  const { parameters, callbacks } = secretsOf(listener)
  const codes = callbacks.some((path) => url.endsWith(path, query - 1)) ? CODE : NONE
  if (parameters.size === 0 && codes.size === 0 && !perhaps.test(url)) return url
  const pairs = url
    .slice(query)
    .split('&')
    .map((pair) => {
      const value = pair.indexOf('=') + 1
      if (value === 0) return pair
      const name = comparableName(pair.slice(0, value - 1))
      return parameters.has(name) || codes.has(name) || ALWAYS.has(name) ? `${pair.slice(0, value)}***` : pair
    })
  return url.slice(0, query) + pairs.join('&')
}

/** Of the listener and all its routes, since a request may end before its route is known. */
function secretsOf(listener: L7ListenerConfig): Secret {
  let secrets = known.get(listener)
  if (secrets === undefined) {
    const auths = [listener, ...listener.routes].map(({ stages }) => stages['auth'] as Auth | undefined)
    const methods = auths.flatMap((auth) => auth?.methods ?? []).flatMap((method) => Object.values(method))
    const texts = (key: keyof Method) =>
      methods.map((each) => each?.[key]).filter((text) => text !== undefined)
    secrets = {
      parameters: new Set(texts('query').map(comparableName)),
      callbacks: [...new Set(texts('callback'))]
    }
    known.set(listener, secrets)
  }
  return secrets
}
