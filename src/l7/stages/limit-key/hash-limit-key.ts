import { cookieValue } from '../../../core/cookies.ts'
import { ipWords, parseIp } from '../../../net/address/ip-address.ts'
import type { Exchange } from '../../exchange/exchange.ts'
import { queryValue } from '../../uri/query.ts'
import type { LimitKey } from './limit-key.ts'

/** A hash, or the text itself. */
export interface KeySink {
  addText(text: string): void
  addNumber(value: number): void
}

/**
 * Adds what the keys are for this request to the hash. A request that lacks one (no such header, nobody logged in) counts by
 * the client's address instead: else all of them would share one limit, or have none.
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

/** What a key is for this request, for `lb explain`; undefined: it lacks it. */
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

/** An IPv6 client has a /64 to itself (RFC 6177): limits on single addresses would limit nobody. */
function addAddress(address: string, hash: KeySink): void {
  if (address !== parsed) parse(address)
  if (family === 0) return hash.addText(address)
  hash.addNumber(family)
  hash.addNumber(first)
  if (family === 6) hash.addNumber(second)
}

// The last address of this thread: several limits of one request ask for the same.
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
