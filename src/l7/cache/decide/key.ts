import { own } from '../../../core/own.ts'
import { ambiguous, certainCookie, comparableName } from '../../../core/cookies.ts'
import type { CacheRequest } from '../ports.ts'
import { selectingField } from '../ports.ts'
import type { UrlParts } from '../policy/invalidation.ts'

/** Longer keys are not cached: the URL limit is 8 KiB, and what is chosen beside it should be small. */
export const maxKeyLength = 10_240

export interface KeyConfig {
  /** Names of query parameters that do not matter; `*` stands for any run of characters. */
  readonly ignoreQuery: readonly string[]
  readonly sortQuery: boolean
  /** Lower-case names of request fields, and names of cookies, whose values select too. */
  readonly headers: readonly string[]
  readonly cookies: readonly string[]
  /** Of routes that answer for the same URLs as others over the same store. */
  readonly scope?: string
}

/** One of the things that a key is made of, as an operator reads it. */
export interface KeyPart {
  readonly kind: 'url' | 'route' | 'written-path' | 'forwarded' | 'header' | 'cookie'
  /** Of a field or cookie. */
  readonly name?: string
  /** Left out: the request has it not. */
  readonly value?: string
}

const partKinds = { s: 'route', r: 'written-path', f: 'forwarded', h: 'header', c: 'cookie' } as const

/**
 * Makes keys for one route. A key is the URL (scheme, host, path, query), then a newline and the chosen fields where
 * the route chooses any. The method is not in it: only answers for GET are stored, and HEAD reads those.
 */
export class KeyMaker {
  readonly #config: KeyConfig

  constructor(config: KeyConfig) {
    this.#config = config
  }

  /** Undefined when it would be longer than `maxKeyLength`, or servers may differ on a cookie that is part of it. */
  key(request: CacheRequest): string | undefined {
    let key = this.url(request)
    const { headers, cookies } = this.#config
    if (request.rawPath !== undefined && request.rawPath !== request.path) key += `\nr:${request.rawPath}`
    if (this.#config.scope !== undefined) key += `\ns:${this.#config.scope}`
    if (request.told !== undefined) key += request.told
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

  /** What `key` is made of, for people. */
  parts(request: CacheRequest): readonly KeyPart[] {
    const [url, ...lines] = (this.key(request) ?? this.url(request)).split('\n')
    return [{ kind: 'url', value: url! }, ...lines.map(partOf)]
  }

  /** Whether keys of one URL differ by more than the URL. */
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
      // Some servers end a parameter at a semicolon too: what they would find behind one must not be lost.
      const ignored = (part: string) => ignoreQuery.some((pattern) => matchesGlob(pattern, nameOf(part)))
      members = members.filter((member) => !member.split(';').every(ignored))
    }
    // By name only, so that repeated names keep their order, which may mean something; with semicolons they cannot be told.
    if (sortQuery && !query.includes(';')) {
      members.sort((a, b) => compare(comparableName(nameOf(a)), comparableName(nameOf(b))))
    }
    return members.join('&')
  }
}

/** Lower case, and without the port that the scheme implies. */
export function normalHost(host: string, scheme: 'http' | 'https'): string {
  // Asked for twice per request, and mostly the same as the last time.
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
 * `*` stands for any run of characters. Two pointers and one place to go back to: at most pattern × text steps, where a
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
