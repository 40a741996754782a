import { comparableName, cookieValue } from '../../../core/cookies.ts'
import type { Exchange } from '../../exchange/exchange.ts'
import { queryValue } from '../../uri/query.ts'
import type { Denied } from './auth-method.ts'

/**
 * A credential that stands in a request twice, differently: servers differ in which they take, so what is proven here
 * could be another than a backend reads.
 */
export const TWICE: Denied = {
  kind: 'denied',
  reason: 'two credentials of one kind',
  error: 'invalid_request'
}

/** The only value of the parameter; undefined without one. */
export function onlyParameter({ query }: Exchange, name: string): string | undefined | Denied {
  const value = queryValue(query, name)
  return isRepeated(query, '&', name) ? TWICE : value
}

/** The only value of the cookie; undefined without one. */
export function onlyCookie({ request }: Exchange, name: string): string | undefined | Denied {
  const field = request.headers.get('cookie')
  const value = cookieValue(field, name)
  return isRepeated(field, ';', name) ? TWICE : value
}

/** Whether several of the pairs have this name, in any spelling that a server takes for it, and differ in more than that. */
function isRepeated(text: string | undefined, separator: string, name: string): boolean {
  if (text === undefined || !text.includes(separator)) return false
  const wanted = comparableName(name)
  let first: string | undefined
  for (const pair of text.split(separator)) {
    const equals = pair.indexOf('=')
    if (comparableName((equals === -1 ? pair : pair.slice(0, equals)).trim()) !== wanted) continue
    const value = equals === -1 ? '' : pair.slice(equals + 1).trim()
    if (first !== undefined && value !== first) return true
    first = value
  }
  return false
}
