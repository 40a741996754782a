import { cookieValue } from '../../core/cookies.ts'
import { hashString } from '../../core/hash-string.ts'
import type { HashKey } from '../../config/model/model.ts'
import type { ExchangeFacts } from '../exchange/stage-run.ts'
import { queryValue } from '../uri/query.ts'

/**
 * The hash that `hash` and `maglev` pools balance an exchange by. A request without the key (no such header, cookie
 * or parameter) falls back to the client's address: all of them on one backend would be a trap.
 * Of a cookie that is there twice the first counts.
 */
export function hashKeyOf(exchange: ExchangeFacts, key: HashKey): number {
  return hashString(keyText(exchange, key) ?? exchange.clientIp)
}

function keyText(exchange: ExchangeFacts, key: HashKey): string | undefined {
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
