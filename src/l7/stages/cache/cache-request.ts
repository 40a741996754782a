import type { CacheRequest, SharedWaits } from '../../cache/ports.ts'
import type { HeaderBlock } from '../../message/header-block.ts'
import { CLIENT_FIELDS, FORWARDING_FIELDS } from '../../headers/forwarding-fields.ts'
import type { Request } from '../../message/request.ts'
import { normalHost } from '../../cache/decide/key.ts'
import type { SentFields } from './sent-fields.ts'

/** Forwarding fields that differ from client to client and must not select responses. */
const clients = new Set(CLIENT_FIELDS)
const keyed = FORWARDING_FIELDS.filter((name) => !clients.has(name))

/** The parts of an exchange that are in the key. */
interface Asked extends SharedWaits {
  readonly request: Request
  readonly scheme: 'http' | 'https'
  readonly host: string
  readonly path: string
  readonly query: string | undefined
  readonly identity?: object | undefined
}

/**
 * An exchange for the cache, as upstream is going to see it: anything that upstream sees and the key does not contain
 * would let one client choose the responses of others. `authority`: the host in the target, which goes upstream instead
 * of the Host field. `forwarded`: a trusted proxy sent forwarding fields, which go upstream unchanged.
 */
export function cacheRequest(
  exchange: Asked,
  authority: string | undefined,
  forwarded: boolean,
  rawPath: string,
  sent?: SentFields
): CacheRequest {
  const { request, path } = exchange
  const host = (authority ?? request.host) || exchange.host
  return {
    method: request.method,
    scheme: forwarded ? schemeOf(request.headers, exchange.scheme) : exchange.scheme,
    host,
    path,
    rawPath,
    query: exchange.query ?? '',
    headers: request.headers,
    sent,
    body: request.bodyLength !== 0,
    authenticated: exchange.identity !== undefined,
    forwarded: forwarded ? forwardedLines(request.headers, host) : '',
    waits: exchange
  }
}

/**
 * The authority for upstream in the normal form of the key: a backend that treats `SITE.example` or `site.example:80`
 * differently from `site.example` would let one client choose what others get.
 */
export function keyedAuthority(
  { request, scheme: own }: Asked,
  authority: string | undefined,
  forwarded: boolean
): string | undefined {
  const written = authority ?? request.host
  const scheme = forwarded ? schemeOf(request.headers, own) : own
  const normal = normalHost(written, scheme)
  return normal === written ? authority : normal
}

/** The client's own scheme, when the proxy in front names one: then the URL in the key is the one that users see. */
function schemeOf(headers: HeaderBlock, scheme: 'http' | 'https'): 'http' | 'https' {
  const said = headers.get('x-forwarded-proto')
  return said === 'http' || said === 'https' ? said : scheme
}

/** The forwarding fields that say more about the URL than the key, one line each. */
function forwardedLines(headers: HeaderBlock, host: string): string {
  let text = ''
  for (const name of keyed) {
    const value = headers.get(name)
    if (value === undefined) continue
    if (name === 'x-forwarded-proto' && (value === 'http' || value === 'https')) continue
    if (name === 'x-forwarded-host' && value === host) continue
    text += `\nf:${name}=${value}`
  }
  const forwarded = headers.get('forwarded')
  if (forwarded === undefined) return text
  // host and proto select responses; for and by name nodes.
  const rest = forwarded
    .toLowerCase()
    .replace(/\b(?:for|by)\s*=\s*(?:"(?:[^"\\]|\\.)*"|[^;,\s]*)/g, '')
    .replaceAll('"', '')
    .replace(/[\s;,]+/g, ' ')
    .trim()
  return rest === '' ? text : `${text}\nf:forwarded=${rest}`
}
