import { isIp } from '../../net/address/ip-address.ts'

/** A Host field (RFC 9110 §7.2) or authority, parsed. */
export interface Host {
  /** For routing: lower case, without port and without the root's trailing dot; IPv6 without brackets. */
  readonly name: string
  /** Undefined when none was given. */
  readonly port: number | undefined
}

/** RFC 1035 §2.3.4 allows 253 characters; underscores and longer labels occur in practice and do no harm. */
export const MAX_HOST_LENGTH = 255

const COLON = 58
const OPEN = 91
const DOT = 46

/**
 * Bit 1: allowed in a registered name; bit 2: must be lowercased. RFC 3986 §3.2.2 also allows sub-delims and
 * percent-encodings in names. DNS has none of them, servers read them differently (`a,b`, `a%2eb`), and attacks through
 * Host use them: only letters, digits, `-`, `.`, `_` and `~` pass.
 */
const NAME = new Uint8Array(128)
for (let c = 97; c <= 122; c++) NAME[c] = 1
for (let c = 65; c <= 90; c++) NAME[c] = 2
for (let c = 48; c <= 57; c++) NAME[c] = 1
for (const c of '-._~') NAME[c.charCodeAt(0)] = 1

/**
 * Undefined for anything that is no host: an empty text, userinfo, a path, spaces or controls, an invalid port.
 * `name.`, the absolute form of a DNS name, is routed as `name`.
 */
export function parseHost(text: string): Host | undefined {
  const name = hostName(text)
  if (name === undefined) return undefined
  const colon = text.lastIndexOf(':')
  if (colon === -1 || text.charCodeAt(text.length - 1) === 93) return { name, port: undefined }
  const digits = text.slice(colon + 1)
  return { name, port: digits === '' ? undefined : Number(digits) }
}

let lastText = ''
let lastName: string | undefined

/**
 * `parseHost(text)?.name` without the object: all that routing needs, called for each request, often with the same host
 * as before.
 */
export function hostName(text: string): string | undefined {
  if (text === lastText) return lastName
  lastName = readName(text)
  lastText = text
  return lastName
}

function readName(text: string): string | undefined {
  const length = text.length
  if (length === 0 || length > MAX_HOST_LENGTH) return undefined
  if (text.charCodeAt(0) === OPEN) return ipLiteral(text)
  let lower = true
  let end = 0
  let previous = 0
  for (; end < length; end++) {
    const c = text.charCodeAt(end)
    if (c === COLON) break
    const kind = c < 128 ? NAME[c]! : 0
    if (kind === 0 || (c === DOT && previous === DOT)) return undefined
    previous = c
    if (kind === 2) lower = false
  }
  if (end < length && !isPort(text, end + 1)) return undefined
  const nameEnd = end > 0 && text.charCodeAt(end - 1) === DOT ? end - 1 : end
  if (nameEnd === 0 || text.charCodeAt(nameEnd - 1) === DOT || text.charCodeAt(0) === DOT) return undefined
  const name = nameEnd === length ? text : text.slice(0, nameEnd)
  return lower ? name : name.toLowerCase()
}

function ipLiteral(text: string): string | undefined {
  const close = text.indexOf(']')
  if (close === -1) return undefined
  const address = text.slice(1, close)
  // A zone id has a meaning on one machine only, and no IPvFuture (RFC 3986 §3.2.2) exists.
  if (!address.includes(':') || address.includes('%') || !isIp(address)) return undefined
  if (close + 1 < text.length) {
    if (text.charCodeAt(close + 1) !== COLON || !isPort(text, close + 2)) return undefined
  }
  return address.toLowerCase()
}

/** 1 to 65535, or nothing: RFC 3986 §3.2.3 allows `host:` with an empty port. */
function isPort(text: string, from: number): boolean {
  const length = text.length
  if (length - from > 5) return false
  let port = 0
  for (let i = from; i < length; i++) {
    const c = text.charCodeAt(i)
    if (c < 48 || c > 57) return false
    port = port * 10 + c - 48
  }
  return port <= 65535 && (port > 0 || length === from)
}

/** The authority to forward. An empty port has no meaning and some servers refuse it, so it is left out. */
export function forwardedHost(text: string): string {
  return text.charCodeAt(text.length - 1) === COLON ? text.slice(0, -1) : text
}

/**
 * A request-target, parsed (RFC 9112 §3.2). `path` is raw and begins with a slash, except `*` for the asterisk form and
 * '' for the authority form; `query` is the text after the question mark, undefined without one.
 */
export interface Target {
  readonly form: TargetForm
  readonly path: string
  readonly query: string | undefined
  /** host[:port] of the absolute and authority forms: it replaces the Host field (RFC 9112 §3.2.2). */
  readonly authority: string | undefined
  readonly scheme: 'http' | 'https' | undefined
}

export type TargetForm = 'origin' | 'absolute' | 'authority' | 'asterisk'

const SLASH = 47
const QUESTION = 63

const ASTERISK: Target = {
  form: 'asterisk',
  path: '*',
  query: undefined,
  authority: undefined,
  scheme: undefined
}

/**
 * The parts of `target`, or undefined when it has none of the four forms or the form does not fit the method: CONNECT
 * needs the authority form, which no other method has, and only OPTIONS has the asterisk. Authorities are checked like
 * a Host field (no userinfo). Fragments are refused: some servers cut them off and others count them as part of the
 * path. The parser of the request line has checked the characters (no controls, spaces or bytes over 0x7e);
 * `normalisePath` checks the path.
 */
export function splitTarget(method: string, target: string): Target | undefined {
  if (method === 'CONNECT') return authorityForm(target)
  if (target.charCodeAt(0) === SLASH) return originForm(target)
  if (target === '*') return method === 'OPTIONS' ? ASTERISK : undefined
  return absoluteForm(method, target)
}

function originForm(target: string): Target | undefined {
  if (target.includes('#')) return undefined
  const question = target.indexOf('?')
  if (question === -1) {
    return { form: 'origin', path: target, query: undefined, authority: undefined, scheme: undefined }
  }
  return {
    form: 'origin',
    path: target.slice(0, question),
    query: target.slice(question + 1),
    authority: undefined,
    scheme: undefined
  }
}

/** RFC 9112 §3.2.2. Only http and https: an origin server serves no other schemes. */
function absoluteForm(method: string, target: string): Target | undefined {
  if (target.includes('#')) return undefined
  const colon = target.indexOf(':')
  // The shortest is `http:` and the longest `https:`; case does not matter in schemes (RFC 3986 §3.1).
  if (colon !== 4 && colon !== 5) return undefined
  const scheme = target.slice(0, colon).toLowerCase()
  if (scheme !== 'http' && scheme !== 'https') return undefined
  if (target.charCodeAt(colon + 1) !== SLASH || target.charCodeAt(colon + 2) !== SLASH) return undefined
  const start = colon + 3
  let end = start
  while (end < target.length && target.charCodeAt(end) !== SLASH && target.charCodeAt(end) !== QUESTION) end++
  const authority = target.slice(start, end)
  if (hostName(authority) === undefined) return undefined
  const question = target.indexOf('?', end)
  const path = question === -1 ? target.slice(end) : target.slice(end, question)
  // RFC 9112 §3.2.4: OPTIONS for the whole server; the last proxy sends an asterisk for it.
  if (method === 'OPTIONS' && path === '' && question === -1) {
    return { ...ASTERISK, authority: forwardedHost(authority), scheme }
  }
  return {
    form: 'absolute',
    // RFC 9112 §3.2.1: an empty path is sent on as "/".
    path: path === '' ? '/' : path,
    query: question === -1 ? undefined : target.slice(question + 1),
    authority: forwardedHost(authority),
    scheme
  }
}

/** RFC 9112 §3.2.3: host and port, both of them. */
function authorityForm(target: string): Target | undefined {
  if (!/:\d+$/.test(target) || hostName(target) === undefined) return undefined
  return { form: 'authority', path: '', query: undefined, authority: target, scheme: undefined }
}
