/** Directives of one Cache-Control field (request or response) or of a targeted field. Times are in seconds. */
export interface Directives {
  noStore: boolean
  noCache: boolean
  /** `no-cache="a, b"`: lower-case names that may not be reused without revalidation. */
  noCacheFields: readonly string[]
  private: boolean
  privateFields: readonly string[]
  public: boolean
  mustRevalidate: boolean
  proxyRevalidate: boolean
  mustUnderstand: boolean
  immutable: boolean
  onlyIfCached: boolean
  maxAge: number | undefined
  sMaxage: number | undefined
  staleWhileRevalidate: number | undefined
  staleIfError: number | undefined
  /** Infinity: the client takes any staleness. */
  maxStale: number | undefined
  minFresh: number | undefined
}

/** RFC 9111 §1.2.2: what is larger than can be represented counts as 2^31 seconds. */
export const maxDeltaSeconds = 2147483648

/** A field with more directives than this is not worth trusting: it counts as no-store. */
const maxDirectives = 64

export function emptyDirectives(): Directives {
  return {
    noStore: false,
    noCache: false,
    noCacheFields: [],
    private: false,
    privateFields: [],
    public: false,
    mustRevalidate: false,
    proxyRevalidate: false,
    mustUnderstand: false,
    immutable: false,
    onlyIfCached: false,
    maxAge: undefined,
    sMaxage: undefined,
    staleWhileRevalidate: undefined,
    staleIfError: undefined,
    maxStale: undefined,
    minFresh: undefined
  }
}

/**
 * RFC 9111 §5.2. Unknown directives are ignored; the first of duplicates counts (§4.2.1); a number that is none
 * makes the response stale (§4.2.1), so it reads as 0.
 */
export function parseCacheControl(field: string | undefined): Directives {
  const directives = emptyDirectives()
  if (field === undefined) return directives
  let count = 0
  let at = 0
  while (at < field.length) {
    const end = endOfMember(field, at)
    const member = field.slice(at, end).trim()
    at = end + 1
    if (member === '') continue
    if (++count > maxDirectives) {
      directives.noStore = true
      break
    }
    const equals = member.indexOf('=')
    if (equals < 0) applyDirective(directives, member.toLowerCase(), undefined)
    // A space before the "=" still names the directive; its value is then not trusted.
    else applyDirective(directives, member.slice(0, equals).trim().toLowerCase(), member.slice(equals + 1))
  }
  return directives
}

function endOfMember(field: string, from: number): number {
  let quoted = false
  for (let at = from; at < field.length; at++) {
    const code = field.charCodeAt(at)
    if (quoted) {
      if (code === 0x5c) at++
      else if (code === 0x22) quoted = false
    } else if (code === 0x22) quoted = true
    else if (code === 0x2c) return at
  }
  return field.length
}

/** One directive; `argument` as it stood after the "=", quotes included. */
export function applyDirective(directives: Directives, name: string, argument: string | undefined): void {
  switch (name) {
    case 'no-store':
      directives.noStore = true
      break
    case 'no-cache':
      if (argument === undefined) directives.noCache = true
      else directives.noCacheFields = [...directives.noCacheFields, ...fieldNames(argument)]
      break
    case 'private':
      if (argument === undefined) directives.private = true
      else directives.privateFields = [...directives.privateFields, ...fieldNames(argument)]
      break
    case 'public':
      directives.public = true
      break
    case 'must-revalidate':
      directives.mustRevalidate = true
      break
    case 'proxy-revalidate':
      directives.proxyRevalidate = true
      break
    case 'must-understand':
      directives.mustUnderstand = true
      break
    case 'immutable':
      directives.immutable = true
      break
    case 'only-if-cached':
      directives.onlyIfCached = true
      break
    case 'max-age':
      directives.maxAge ??= seconds(argument)
      break
    case 's-maxage':
      directives.sMaxage ??= seconds(argument)
      break
    case 'stale-while-revalidate':
      directives.staleWhileRevalidate ??= seconds(argument)
      break
    case 'stale-if-error':
      directives.staleIfError ??= seconds(argument)
      break
    case 'max-stale':
      directives.maxStale ??= argument === undefined ? Infinity : seconds(argument)
      break
    case 'min-fresh':
      directives.minFresh ??= seconds(argument)
      break
  }
}

/** RFC 9111 §5.2: both token and quoted form are read, whichever the directive prefers. */
function seconds(argument: string | undefined): number {
  const digits = /^(?:"(\d+)"|(\d+))$/.exec(argument ?? '')
  if (digits === null) return 0
  return Math.min(Number(digits[1] ?? digits[2]), maxDeltaSeconds)
}

function fieldNames(argument: string): string[] {
  const list = argument.startsWith('"')
    ? argument.slice(1, argument.endsWith('"') ? -1 : undefined)
    : argument
  return list
    .toLowerCase()
    .split(',', maxDirectives)
    .map((name) => name.trim())
    .filter((name) => name !== '')
}
