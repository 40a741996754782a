import type { Exchange } from '../../../exchange/exchange.ts'
import { clientScheme } from '../../../headers/client-scheme.ts'

/** Characters that have no special meaning in a URL pattern and in a quoted string. */
const PLAIN_PATH = /^\/[\w./~%!$&'=,;@-]{0,1000}$/

/**
 * Whether this request may use dictionaries (RFC 9842 §7, §9): over TLS, by someone who may read the response: a page
 * of the same origin, or the user.
 */
export function mayUseDictionary(exchange: Exchange): boolean {
  const { method, headers } = exchange.request
  if (method !== 'GET' || clientScheme(exchange) !== 'https') return false
  const site = headers.first('sec-fetch-site')
  if (site === undefined || site === 'same-origin' || site === 'none') return true
  return headers.first('sec-fetch-mode') === 'navigate'
}

/** The URL pattern for exactly this URL; undefined where it would match others too or has special characters. */
export function patternOf({ request, query }: Exchange): string | undefined {
  if (query !== undefined) return undefined
  const path = request.target
  return PLAIN_PATH.test(path) ? path : undefined
}

/** The SHA-256 of the client's dictionary, a binary item of structured fields: `:base64:`. */
export function availableDictionary({ request }: Exchange): Buffer | undefined {
  const match = /^:([A-Za-z0-9+/]{43}=):$/.exec(request.headers.get('available-dictionary')?.trim() ?? '')
  return match === null ? undefined : Buffer.from(match[1]!, 'base64')
}
