import type { PathPolicy } from '../../config/model/model.ts'
import { percentByte } from './percent.ts'
import { comparing, DEFAULT_PATH_POLICY } from './path-policy.ts'

const SLASH = 47
const DOT = 46
const SEMICOLON = 59
const PERCENT = 37

const ENCODED = /%(?:2F|5C)/
const ALL_ENCODED = /%(?:2F|5C)/g
/** RFC 3986 §3.3: parameters of a segment, which servlet containers cut off. */
const PARAMETERS = /;[^/]*/g

/** Character classes of a path: 0 plain, 1 refused, 2 needs the slow path. */
const KIND = new Uint8Array(256).fill(1)
for (let c = 0x21; c < 0x7f; c++) KIND[c] = 0
// Windows servers and browsers read a raw backslash as a slash; to some servers `#` begins a fragment; `?` ended the
// path.
for (const c of '\\#?') KIND[c.charCodeAt(0)] = 1
KIND[PERCENT] = 2

/**
 * The form of a raw path in which routes compare it (RFC 3986 §6.2.2): dot segments resolved, percent-encoded
 * unreserved characters decoded, other encodings in upper case, `//` merged by policy. Undefined (LB_BAD_PATH, 400)
 * for what some server behind might read as another path:
 *  - `..` that climbs past the root, plain or encoded, and `..;x`, which servlet containers cut to `..`;
 *  - a raw backslash, `#`, control, space or byte over 0x7e; `%00`; `%` without two hexadecimal digits (IIS reads
 *    `%u002f`); `%2f`, `%5c` and `;` by policy; overlong UTF-8 such as `%c0%ae`.
 * `%25` stays as it is, so what is encoded twice stays encoded once for whoever decodes.
 *
 * A path that is in this form already is returned itself after one scan: about 2 ns per letter, nothing allocated.
 */
export function normalisePath(path: string, policy: PathPolicy = DEFAULT_PATH_POLICY): string | undefined {
  const length = path.length
  if (path.charCodeAt(0) !== SLASH) return undefined
  let slow = false
  let previous = 0
  for (let i = 0; i < length; i++) {
    const c = path.charCodeAt(i)
    const kind = c < 256 ? KIND[c]! : 1
    if (kind === 1) return undefined
    // A segment that begins with a dot may be a dot segment; `//` may have to be merged.
    if (kind === 2 || (previous === SLASH && (c === DOT || c === SLASH))) slow = true
    previous = c
  }
  if (policy.semicolons !== 'keep' && path.includes(';')) return withoutParameters(path, policy)
  if (!slow) return path
  const decoded = path.includes('%') ? decodeUnreserved(path, policy) : path
  return decoded === undefined ? undefined : resolveSegments(decoded, policy.mergeSlashes)
}

/** RFC 3986 §3.3: servlet containers cut off what follows a semicolon in a segment before they compare. */
function withoutParameters(path: string, policy: PathPolicy): string | undefined {
  if (policy.semicolons === 'refuse') return undefined
  // Dot segments that only appear once the parameter is gone are refused first.
  const whole = normalisePath(path, { ...policy, semicolons: 'keep' })
  return whole === undefined ? undefined : normalisePath(whole.replace(PARAMETERS, ''), policy)
}

/**
 * The path to send to a backend: as the client wrote it (RFC 9110 §7.7), since the normalised form is equivalent.
 * Exceptions are dot segments, since a backend that does not resolve them would read another path than was routed, and
 * `//` at the start, which some servers read as an authority: then it is `normalised`, the result of
 * normalisePath(raw).
 */
export function forwardedPath(raw: string, normalised: string): string {
  if (raw === normalised || raw.charCodeAt(1) === SLASH) return normalised
  for (let slash = 0; slash !== -1; slash = raw.indexOf('/', slash + 1)) {
    if (isDotSegment(raw, slash + 1)) return normalised
  }
  return raw
}

/** `.` or `..` from `at` to the next slash or the end, each dot plain or as `%2e`. */
function isDotSegment(path: string, at: number): boolean {
  let i = at
  for (let dots = 0; dots < 3; dots++) {
    if (i === path.length || path.charCodeAt(i) === SLASH) return dots > 0
    if (path.charCodeAt(i) === DOT) i++
    else if (percentByte(path, i) === DOT) i += 3
    else return false
  }
  return false
}

function decodeUnreserved(path: string, policy: PathPolicy): string | undefined {
  let out = ''
  let copied = 0
  for (let at = path.indexOf('%'); at !== -1; at = path.indexOf('%', at + 3)) {
    const byte = percentByte(path, at)
    if (byte <= 0) return undefined
    if ((byte === SLASH || byte === 0x5c) && policy.encodedSlash === 'refuse') return undefined
    if (isOverlong(byte, percentByte(path, at + 3))) return undefined
    out += path.slice(copied, at)
    out += isUnreserved(byte) ? String.fromCharCode(byte) : path.slice(at, at + 3).toUpperCase()
    copied = at + 3
  }
  return out + path.slice(copied)
}

/**
 * RFC 3629 §3: no sequence begins with C0 or C1, and none with E0 or F0 that a shorter one could encode. Old decoders
 * turn such sequences into `.`, `/` and worse.
 */
function isOverlong(byte: number, next: number): boolean {
  if (byte === 0xc0 || byte === 0xc1) return next >= 0x80 && next <= 0xbf
  if (byte === 0xe0) return next >= 0x80 && next < 0xa0
  return byte === 0xf0 && next >= 0x80 && next < 0x90
}

/** RFC 3986 §2.3. */
function isUnreserved(c: number): boolean {
  const lower = c | 32
  return (
    (lower >= 97 && lower <= 122) || (c >= 48 && c <= 57) || c === 45 || c === DOT || c === 95 || c === 126
  )
}

/**
 * RFC 3986 §5.2.4. Empty segments are dropped where slashes are merged, and always at the start: some servers read
 * `//x` as a host.
 */
function resolveSegments(path: string, mergeSlashes: boolean): string | undefined {
  const kept: string[] = []
  let from = 1
  for (;;) {
    const slash = path.indexOf('/', from)
    const end = slash === -1 ? path.length : slash
    const last = slash === -1
    const segment = path.slice(from, end)
    if (segment === '..') {
      if (kept.length === 0) return undefined
      kept.pop()
      if (last) kept.push('')
    } else if (segment === '.') {
      if (last) kept.push('')
    } else if (isHiddenDotSegment(segment)) {
      return undefined
    } else if (segment !== '' || last || (!mergeSlashes && kept.length > 0)) {
      kept.push(segment)
    }
    if (last) return '/' + kept.join('/')
    from = end + 1
  }
}

/** `..;jsessionid=1`: a parameter (RFC 3986 §3.3) that servlet containers remove before they resolve dots. */
function isHiddenDotSegment(segment: string): boolean {
  if (segment.charCodeAt(0) !== DOT) return false
  const at = segment.charCodeAt(1) === DOT ? 2 : 1
  return segment.charCodeAt(at) === SEMICOLON || segment.startsWith('%3B', at)
}

/** Whether servers may read the path in several ways. It is in the form for comparing. */
export function isAmbiguous(path: string): boolean {
  return path.includes('%') || path.includes(';')
}

/**
 * Why a path that servers read differently is refused, or undefined. Some treat `%2f` and `%5c` as a slash, and some cut
 * off what follows a `;`: with `agree` each reading, and both together, must choose the same route (`sameRoute`).
 */
export function readingProblem(
  path: string,
  policy: PathPolicy,
  sameRoute: (otherwiseRead: string) => boolean
): string | undefined {
  const slashes = policy.encodedSlash !== 'keep' && ENCODED.test(path)
  if (slashes && policy.encodedSlash === 'refuse')
    return 'a path with %2f or %5c (paths.encodedSlash: refuse)'
  const compared = comparing(policy)
  const decoded = slashes ? path.replace(ALL_ENCODED, '/') : path
  if (slashes) {
    const why = problem(decoded, compared, sameRoute)
    if (why !== undefined) return `${why} if %2f or %5c is read as a slash (paths.encodedSlash: agree)`
  }
  if (policy.semicolons !== 'agree' || !path.includes(';')) return undefined
  const why =
    problem(path.replace(PARAMETERS, ''), compared, sameRoute) ??
    (slashes ? problem(decoded.replace(PARAMETERS, ''), compared, sameRoute) : undefined)
  return why === undefined ? undefined : `${why} without what follows a semicolon (paths.semicolons: agree)`
}

function problem(
  otherwiseRead: string,
  policy: PathPolicy,
  sameRoute: (otherwiseRead: string) => boolean
): string | undefined {
  const path = normalisePath(otherwiseRead, policy)
  if (path === undefined) return 'a path that leaves the root'
  return sameRoute(path) ? undefined : 'a path that has another route'
}
