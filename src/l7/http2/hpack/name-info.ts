import { STATIC_NAMES } from './static-table.ts'

/** What the encoder knows about a name, in whatever case it is written. */
export interface NameInfo {
  readonly lower: string
  /** Index in the static table, 0 for none. */
  readonly staticIndex: number
  /** The slot in which encoders remember its value, or NO_SLOT, or NOT_YET. Written by `slotOf` only. */
  slot: number
  /** Never put into a table (RFC 7541 §7.1.3). */
  readonly secret: boolean
  /** Not allowed in HTTP/2. */
  readonly dropped: boolean
}

/** Names that always have a slot, whichever other names come first. */
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

/**
 * Slots for names whose values are remembered: the common names and as many others. Values of further names are written
 * as literals.
 */
const MAX_SLOTS = 128
/** Spellings that are remembered; a bound, since names come from outside. */
const MAX_KNOWN = 1024

const SECRET = new Set(['authorization', 'cookie', 'set-cookie', 'proxy-authorization'])
const DROPPED = new Set(['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade'])

export const NO_SLOT = -1
/** A name gets its slot when it is first encoded: so the slots in use are the first ones, and encoders stay small. */
const NOT_YET = -2

const known = new Map<string, NameInfo>()
const slots = new Map<string, number>()
const COMMON_NAMES: ReadonlySet<string> = new Set(COMMON)
/** Slots used by names that are not common. */
let others = 0

export function nameInfo(name: string): NameInfo {
  const info = known.get(name)
  if (info !== undefined) return info
  const made = make(name.toLowerCase())
  if (known.size < MAX_KNOWN) known.set(name, made)
  return made
}

/** A power of two. */
const PLACES = 512
const spelled = new Array<string>(PLACES).fill('')
const found = new Array<NameInfo | undefined>(PLACES).fill(undefined)

/**
 * `nameInfo(text.slice(start, end))` without creating and hashing the string: 20 ns instead of 100. Indexed by four of
 * its characters; names with the same index replace each other.
 */
export function nameInfoAt(text: string, start: number, end: number): NameInfo {
  const length = end - start
  const last = text.charCodeAt(end - 1)
  const middle = text.charCodeAt(start + (length >> 1))
  const hash = Math.imul(text.charCodeAt(start) + (last << 5) + (middle << 10) + (length << 15), 0x9e3779b1)
  const place = hash >>> 23
  const name = spelled[place]!
  if (name.length === length && isAt(text, start, name)) return found[place]!
  const made = text.slice(start, end)
  spelled[place] = made
  return (found[place] = nameInfo(made))
}

/** Whether `text` contains `part` at `at`. */
export function isAt(text: string, at: number, part: string): boolean {
  for (let i = 0; i < part.length; i++) if (text.charCodeAt(at + i) !== part.charCodeAt(i)) return false
  return true
}

function make(lower: string): NameInfo {
  const secret = SECRET.has(lower)
  const slot = secret ? NO_SLOT : NOT_YET
  return { lower, staticIndex: STATIC_NAMES.get(lower) ?? 0, slot, secret, dropped: DROPPED.has(lower) }
}

/** Assigns the name's slot. Common names always get one; others do while some are left. */
export function slotOf(info: NameInfo): number {
  if (info.slot !== NOT_YET) return info.slot
  let slot = slots.get(info.lower)
  if (slot === undefined) {
    const common = COMMON_NAMES.has(info.lower)
    if (!common && others === MAX_SLOTS - COMMON.length) return (info.slot = NO_SLOT)
    if (!common) others++
    slot = slots.size
    slots.set(info.lower, slot)
  }
  return (info.slot = slot)
}

for (const name of COMMON) {
  nameInfo(name)
  // Spelled as in HTTP/1.1.
  nameInfo(name.replace(/(^|-)[a-z]/g, (start) => start.toUpperCase()))
}
