import { cookieValue } from '../../../core/cookies.ts'
import { ipWords, parseIp } from '../../../net/address/ip-address.ts'
import type { Exchange } from '../../exchange/exchange.ts'
import { queryValue } from '../../uri/query.ts'
import type { LimitKey } from './limit-key.ts'

/** Takes the key, to hash it or to collect its text. */
export interface KeySink {
  addText(text: string): void
  addNumber(value: number): void
}

/**
 * Adds the values of the keys for this request to the hash. A request that lacks one (no such field, nobody logged in)
 * counts by the client's address instead: otherwise all such requests would share one limit, or have none.
 */
export function hashLimitKey(exchange: Exchange, keys: readonly LimitKey[], hash: KeySink): void {
  for (const key of keys) {
    if (key.kind === 'client-ip') addAddress(exchange.clientIp, hash)
    else if (key.kind === 'all') hash.addNumber(0)
    else {
      const value = limitKeyValue(exchange, key)
      if (value === undefined) {
        hash.addNumber(1)
        addAddress(exchange.clientIp, hash)
      } else hash.addText(value)
    }
  }
}

/** The value of a key for this request, for `lb explain`; undefined when the request lacks it. */
export function limitKeyValue(exchange: Exchange, key: LimitKey): string | undefined {
  switch (key.kind) {
    case 'client-ip':
      return exchange.clientIp
    case 'all':
      return ''
    case 'path':
      return exchange.path
    case 'route':
      return exchange.route?.name ?? ''
    case 'identity':
      return exchange.identity?.name
    case 'header':
      return key.name === 'host' ? exchange.host : exchange.request.headers.get(key.name)
    case 'cookie':
      return cookieValue(exchange.request.headers.get('cookie'), key.name)
    case 'query':
      return queryValue(exchange.query, key.name)
  }
}

/** An IPv6 client usually has a whole /64 (RFC 6177), so it could escape limits on single addresses. */
function addAddress(address: string, hash: KeySink): void {
  if (address !== parsed) parse(address)
  if (family === 0) return hash.addText(address)
  hash.addNumber(family)
  hash.addNumber(first)
  if (family === 6) hash.addNumber(second)
}

// The last address on this thread: several limits of one request use the same one.
let parsed = ''
let family = 0
let first = 0
let second = 0

function parse(address: string): void {
  family = parseIp(address)
  parsed = address
  first = ipWords[0]! | 0
  second = ipWords[1]! | 0
}
