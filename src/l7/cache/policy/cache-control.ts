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

/** RFC 9111 §1.2.2: a value that is too large counts as 2^31 seconds. */
export const maxDeltaSeconds = 2147483648

/** A field with more directives than this counts as no-store. */
const maxDirectives = 64

/** Stands for an argument that is present but malformed. */
const notAnArgument = '='

const token = /^[!#$%&'*+.^_`|~0-9a-z-]+$/

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
 * RFC 9111 §5.2. Unknown directives are ignored; of duplicates the first counts (§4.2.1); a malformed number makes the
 * response stale (§4.2.1), so it is read as 0.
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
    else {
      const name = member.slice(0, equals)
      const argument = member.slice(equals + 1)
      // A name with a space before the "=" still counts; its value does not.
      const trusted = name.endsWith(' ') || name.endsWith('\t') ? notAnArgument : argument
      applyDirective(directives, name.trim().toLowerCase(), trusted)
    }
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

/** Applies one directive; `argument` is the text after the "=", quotes included. */
export function applyDirective(directives: Directives, name: string, argument: string | undefined): void {
  let names: string[] | undefined
  switch (name) {
    case 'no-store':
      directives.noStore = true
      break
    case 'no-cache':
      names = fieldNames(argument)
      if (names === undefined) directives.noCache = true
      else directives.noCacheFields = [...directives.noCacheFields, ...names]
      break
    case 'private':
      names = fieldNames(argument)
      if (names === undefined) directives.private = true
      else directives.privateFields = [...directives.privateFields, ...names]
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

/** Undefined when there are no names, or the list is malformed: the directive then covers the whole response. */
function fieldNames(argument: string | undefined): string[] | undefined {
  const list = /^"([^"]*)"$|^[^"]+$/.exec(argument ?? '')
  if (list === null) return undefined
  const names = (list[1] ?? list[0])
    .toLowerCase()
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
  const readable =
    names.length > 0 && names.length <= maxDirectives && names.every((name) => token.test(name))
  return readable ? names : undefined
}
