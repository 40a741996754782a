import { hashString } from '../../core/hash-string.ts'
import type { HashKey } from '../../config/model/model.ts'
import type { Exchange } from '../exchange/exchange.ts'
import { queryValue } from '../uri/query.ts'

/**
 * The hash that `hash` and `maglev` pools balance an exchange by. A request without the key (no such header, cookie
 * or parameter) falls back to the client's address: all of them on one backend would be a trap.
 */
export function hashKeyOf(exchange: Exchange, key: HashKey): number {
  return hashString(keyText(exchange, key) ?? exchange.clientIp)
}

function keyText(exchange: Exchange, key: HashKey): string | undefined {
  switch (key.kind) {
    case 'client-ip':
      return exchange.clientIp
    case 'path':
      return exchange.path
    case 'header':
      return key.name === 'host' ? exchange.host : exchange.request.headers.get(key.name)
    case 'cookie':
      return cookieValue(exchange.request.headers.get('cookie'), key.name)
    case 'query':
      return queryValue(exchange.query, key.name)
  }
}

/** The value of the first cookie called `name` (RFC 6265 §4.2), without quotes; undefined without one. */
export function cookieValue(cookies: string | undefined, name: string): string | undefined {
  if (cookies === undefined) return undefined
  for (let at = 0; at < cookies.length;) {
    let end = cookies.indexOf(';', at)
    // Several Cookie lines are joined by a comma (RFC 9113 §8.2.3 lets clients split them).
    if (end === -1) end = cookies.length
    while (cookies.charCodeAt(at) === 32) at++
    const equals = at + name.length
    if (cookies.charCodeAt(equals) === 61 && cookies.startsWith(name, at)) {
      const value = cookies.slice(equals + 1, end).trim()
      return value.startsWith('"') && value.endsWith('"') && value.length > 1 ? value.slice(1, -1) : value
    }
    at = end + 1
  }
  return undefined
}
