import { FORWARDING_WORDS } from '../../headers/forwarding-fields.ts'
import {
  SEEN_AUTHORIZATION,
  SEEN_DATE,
  SEEN_FORWARDED,
  SEEN_REQUEST_ID,
  SEEN_TRACEPARENT,
  SEEN_TRAILER,
  SEEN_HOPS,
  SEEN_X,
  SEEN_X_FORWARDED
} from '../../message/seen.ts'

/** The meaning of a field for this hop: the low byte of its marks. Pseudo-fields are those up to UNKNOWN_PSEUDO. */
export const METHOD = 1
export const PATH = 2
export const SCHEME = 3
export const AUTHORITY = 4
export const PROTOCOL = 5
export const STATUS = 6
export const UNKNOWN_PSEUDO = 7
export const REGULAR = 8
export const HOST = 9
export const CONTENT_LENGTH = 10
export const TE = 11
export const COOKIE = 12
/** Connection and other hop-by-hop fields: a message with one is malformed (RFC 9113 §8.2.2). */
export const OF_CONNECTION = 13
export const EXPECT = 14
export const AUTHORIZATION = 15
export const CONTENT_TYPE = 16
/** Removed, as in HTTP/1.1. */
export const DROPPED = 17
export const PRIORITY_FIELD = 18
/** The name or the value has characters that are not allowed. */
export const MALFORMED = 19

/** Shift of the SEEN_ bits in a field's marks. */
export const SEEN_SHIFT = 8

const KNOWN: ReadonlyMap<string, number> = new Map([
  [':method', METHOD],
  [':path', PATH],
  [':scheme', SCHEME],
  [':authority', AUTHORITY],
  [':protocol', PROTOCOL],
  [':status', STATUS],
  ['host', HOST],
  ['content-length', CONTENT_LENGTH],
  ['te', TE],
  ['cookie', COOKIE],
  ['connection', OF_CONNECTION],
  ['keep-alive', OF_CONNECTION],
  ['proxy-connection', OF_CONNECTION],
  ['transfer-encoding', OF_CONNECTION],
  ['upgrade', OF_CONNECTION],
  ['expect', EXPECT],
  ['authorization', AUTHORIZATION | (SEEN_AUTHORIZATION << SEEN_SHIFT)],
  ['content-type', CONTENT_TYPE],
  ['priority', PRIORITY_FIELD],
  // CGI servers turn it into the variable HTTP_PROXY (httpoxy).
  ['proxy', DROPPED],
  ['http2-settings', DROPPED],
  ['proxy-authenticate', DROPPED],
  ['proxy-authorization', DROPPED],
  ['via', REGULAR | (SEEN_HOPS << SEEN_SHIFT)],
  ['cdn-loop', REGULAR | (SEEN_HOPS << SEEN_SHIFT)],
  ['forwarded', REGULAR | (SEEN_FORWARDED << SEEN_SHIFT)],
  ['date', REGULAR | (SEEN_DATE << SEEN_SHIFT)],
  ['trailer', REGULAR | (SEEN_TRAILER << SEEN_SHIFT)],
  ['traceparent', REGULAR | (SEEN_TRACEPARENT << SEEN_SHIFT)],
  ['tracestate', REGULAR | (SEEN_TRACEPARENT << SEEN_SHIFT)],
  ['x-request-id', REGULAR | ((SEEN_REQUEST_ID | SEEN_X) << SEEN_SHIFT)],
  ['x-forwarded-for', REGULAR | ((SEEN_X_FORWARDED | SEEN_X) << SEEN_SHIFT)],
  ['x-forwarded-host', REGULAR | ((SEEN_X_FORWARDED | SEEN_X) << SEEN_SHIFT)],
  ['x-forwarded-port', REGULAR | ((SEEN_X_FORWARDED | SEEN_X) << SEEN_SHIFT)],
  ['x-forwarded-proto', REGULAR | ((SEEN_X_FORWARDED | SEEN_X) << SEEN_SHIFT)],
  ['x-forwarded-server', REGULAR | ((SEEN_X_FORWARDED | SEEN_X) << SEEN_SHIFT)]
])

const X = 120
const COLON = 58
/** Servers that make variables of field names treat any punctuation as a hyphen. */
const DISGUISED = /^(?:content[^a-z0-9]length|transfer[^a-z0-9]encoding)$/
/** What backends may take for a proxy's word, besides those that begin with x. */
const WORD_OF_A_PROXY = new RegExp(`^(?:${FORWARDING_WORDS.join('|')})[^a-z0-9]`)

/** The marks of a field; `name` is lower case and well formed. */
export function fieldMarks(name: string): number {
  const known = KNOWN.get(name)
  if (known !== undefined) return known
  const first = name.charCodeAt(0)
  if (first === COLON) return UNKNOWN_PSEUDO
  if (first === X) return isAlphanumeric(name.charCodeAt(1)) ? REGULAR : REGULAR | (SEEN_X << SEEN_SHIFT)
  if (WORD_OF_A_PROXY.test(name)) return REGULAR | (SEEN_X << SEEN_SHIFT)
  if ((name.length === 14 || name.length === 17) && DISGUISED.test(name)) return DROPPED
  return REGULAR
}

function isAlphanumeric(c: number): boolean {
  return (c >= 48 && c <= 57) || (c >= 97 && c <= 122)
}
