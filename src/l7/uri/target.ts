import { forwardedHost, hostName } from './host.ts'

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
