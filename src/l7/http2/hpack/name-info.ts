import { STATIC_NAMES } from './static-table.ts'

/** What the encoder knows of a name, whatever its spelling. */
export interface NameInfo {
  readonly lower: string
  /** 0 for none. */
  readonly staticIndex: number
  /** Where encoders remember its value; -1: nowhere. */
  readonly slot: number
  /** Never put in a table by anybody (RFC 7541 §7.1.3). */
  readonly secret: boolean
  /** May not stand in HTTP/2. */
  readonly dropped: boolean
}

/** Names that are always remembered, whoever comes first with others. */
const COMMON = [
  ':authority', ':path', ':method', ':scheme', 'accept', 'accept-encoding', 'accept-language', 'accept-ranges',
  'access-control-allow-credentials', 'access-control-allow-headers', 'access-control-allow-methods',
  'access-control-allow-origin', 'access-control-expose-headers', 'access-control-max-age', 'age', 'allow', 'alt-svc',
  'cache-control', 'cache-status', 'cdn-cache-control', 'content-disposition', 'content-encoding', 'content-language',
  'content-length', 'content-security-policy', 'content-type', 'cross-origin-opener-policy',
  'cross-origin-resource-policy', 'date', 'etag', 'expires', 'forwarded', 'grpc-accept-encoding', 'grpc-encoding',
  'grpc-status', 'grpc-timeout', 'last-modified', 'link', 'nel', 'origin', 'permissions-policy', 'pragma', 'priority',
  'range', 'referer', 'referrer-policy', 'report-to', 'sec-fetch-dest', 'sec-fetch-mode', 'sec-fetch-site', 'server',
  'strict-transport-security', 'te', 'timing-allow-origin', 'traceparent', 'tracestate', 'user-agent', 'vary', 'via',
  'x-backend-server', 'x-content-type-options', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto',
  'x-frame-options', 'x-powered-by', 'x-real-ip', 'x-xss-protection'
] // prettier-ignore

/** Names of which encoders remember values: the common ones and as many others. What else comes is written out. */
export const MAX_SLOTS = 128
/** Spellings that are kept; names come from outside. */
const MAX_KNOWN = 1024

const SECRET = new Set(['authorization', 'cookie', 'set-cookie', 'proxy-authorization'])
const DROPPED = new Set(['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade'])

const known = new Map<string, NameInfo>()
const slots = new Map<string, number>()

export function nameInfo(name: string): NameInfo {
  const info = known.get(name)
  if (info !== undefined) return info
  const made = make(name.toLowerCase())
  if (known.size < MAX_KNOWN) known.set(name, made)
  return made
}

function make(lower: string): NameInfo {
  const secret = SECRET.has(lower)
  let slot = secret ? -1 : (slots.get(lower) ?? -1)
  if (slot === -1 && !secret && slots.size < MAX_SLOTS) {
    slot = slots.size
    slots.set(lower, slot)
  }
  return { lower, staticIndex: STATIC_NAMES.get(lower) ?? 0, slot, secret, dropped: DROPPED.has(lower) }
}

for (const name of COMMON) {
  nameInfo(name)
  // As HTTP/1.1 spells it.
  nameInfo(name.replace(/(^|-)[a-z]/g, (start) => start.toUpperCase()))
}
