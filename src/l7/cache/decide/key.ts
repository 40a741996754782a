import { own } from '../../../core/own.ts'
import { ambiguous, certainCookie, comparableName } from '../../../core/cookies.ts'
import type { CacheRequest } from '../ports.ts'
import { selectingField } from '../ports.ts'
import { KnownKeys } from './known-keys.ts'
import type { UrlParts } from '../policy/invalidation.ts'

/** Requests with longer keys bypass the cache. The URL is at most 8 KiB, so 2 KiB are left for fields and cookies. */
export const maxKeyLength = 10_240

export interface KeyConfig {
  /** Names of query parameters to ignore; `*` stands for any run of characters. */
  readonly ignoreQuery: readonly string[]
  readonly sortQuery: boolean
  /** Lower-case names of request fields, and names of cookies, whose values are part of the key too. */
  readonly headers: readonly string[]
  readonly cookies: readonly string[]
  /** Tells apart routes that answer the same URLs from the same store. */
  readonly scope?: string
}

/** One part of a key, as shown to an operator. */
export interface KeyPart {
  readonly kind: 'url' | 'route' | 'written-path' | 'forwarded' | 'header' | 'cookie'
  /** The name of the field or cookie. */
  readonly name?: string
  /** Absent when the request does not have it. */
  readonly value?: string
}

const partKinds = { s: 'route', r: 'written-path', f: 'forwarded', h: 'header', c: 'cookie' } as const

/**
 * Makes keys for one route. A key is the URL (scheme, host, path, query), then one line for each field, cookie and
 * other part that the route adds. The method is not in it: only responses to GET are stored, and HEAD uses them too.
 */
export class KeyMaker {
  readonly #config: KeyConfig
  /** Made by the first request: most makers are only compared with. */
  #known: KnownKeys | undefined

  constructor(config: KeyConfig) {
    this.#config = config
  }

  /** Undefined when it would be longer than `maxKeyLength`, or when servers may disagree about a cookie in it. */
  key(request: CacheRequest): string | undefined {
    const { headers, cookies } = this.#config
    let key = this.#beginning(request)
    if (request.forwarded !== undefined) key += request.forwarded
    for (const name of headers) key += `\nh:${name}=${selectingField(request, name) ?? '\r'}`
    if (cookies.length > 0) {
      const field = selectingField(request, 'cookie')
      for (const name of cookies) {
        const value = certainCookie(field, name)
        if (value === ambiguous) return undefined
        key += `\nc:${name}=${value ?? '\r'}`
      }
    }
    return key.length > maxKeyLength ? undefined : key
  }

  #beginning(request: CacheRequest): string {
    const { path, rawPath } = request
    const odd = rawPath !== undefined && rawPath !== path
    const known = odd ? undefined : this.#known?.get(request)
    if (known !== undefined) return known
    let key = this.url(request)
    if (odd) key += `\nr:${rawPath}`
    if (this.#config.scope !== undefined) key += `\ns:${this.#config.scope}`
    if (!odd) (this.#known ??= new KnownKeys()).put(request, key)
    return key
  }

  /** The parts of `key`, for display. */
  parts(request: CacheRequest): readonly KeyPart[] {
    const [url, ...lines] = (this.key(request) ?? this.url(request)).split('\n')
    return [{ kind: 'url', value: url! }, ...lines.map(partOf)]
  }

  /** Whether requests for one URL can have different keys. */
  get selective(): boolean {
    const { headers, cookies, scope } = this.#config
    return headers.length > 0 || cookies.length > 0 || scope !== undefined
  }

  url(parts: UrlParts): string {
    const query = parts.query === '' ? '' : this.#query(parts.query)
    const base = `${parts.scheme}://${normalHost(parts.host, parts.scheme)}${parts.path}`
    return query === '' ? base : `${base}?${query}`
  }

  #query(query: string): string {
    const { ignoreQuery, sortQuery } = this.#config
    if (ignoreQuery.length === 0 && !sortQuery) return query
    let members = query.split('&')
    if (ignoreQuery.length > 0) {
      // Some servers end a parameter at a semicolon too, so a parameter behind one must not be dropped.
      const ignored = (part: string) => ignoreQuery.some((pattern) => matchesGlob(pattern, nameOf(part)))
      members = members.filter((member) => !member.split(';').every(ignored))
    }
    // Sorted by name only: the order of repeated names may matter. With semicolons the parameters are not clear, so
    // they stay.
    if (sortQuery && !query.includes(';')) {
      members.sort((a, b) => compare(comparableName(nameOf(a)), comparableName(nameOf(b))))
    }
    return members.join('&')
  }
}

/** Lower case, without the default port of the scheme. */
export function normalHost(host: string, scheme: 'http' | 'https'): string {
  // Called twice per request, mostly with the same host as last time.
  if (host === lastHost && scheme === lastScheme) return lastNormal
  lastNormal = readHost(host, scheme)
  lastHost = host
  lastScheme = scheme
  return lastNormal
}

let lastHost = ''
let lastScheme = ''
let lastNormal = ''

function readHost(host: string, scheme: 'http' | 'https'): string {
  const lower = host.toLowerCase()
  const port = scheme === 'http' ? ':80' : ':443'
  return lower.endsWith(port) ? lower.slice(0, -port.length) : lower
}

function partOf(line: string): KeyPart {
  const kind = own(partKinds, line[0]!)!
  const rest = line.slice(2)
  if (kind === 'written-path' || kind === 'route') return { kind, value: rest }
  const equals = rest.indexOf('=')
  const value = rest.slice(equals + 1)
  return { kind, name: rest.slice(0, equals), ...(value === '\r' ? {} : { value }) }
}

function nameOf(member: string): string {
  const equals = member.indexOf('=')
  return equals < 0 ? member : member.slice(0, equals)
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/**
 * `*` stands for any run of characters. Backtracks to the last star only, so it takes at most pattern × text steps; a
 * regular expression with several stars would take exponentially many.
 */
export function matchesGlob(pattern: string, text: string): boolean {
  let p = 0
  let t = 0
  let star = -1
  let mark = 0
  while (t < text.length) {
    if (pattern[p] === '*') {
      star = p++
      mark = t
    } else if (p < pattern.length && pattern[p] === text[t]) {
      p++
      t++
    } else if (star >= 0) {
      p = star + 1
      t = ++mark
    } else return false
  }
  while (pattern[p] === '*') p++
  return p === pattern.length
}
