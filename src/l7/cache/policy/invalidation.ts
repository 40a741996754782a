import { normalisePath } from '../../uri/normalise-path.ts'
import type { CacheRequest, CacheResponse } from '../ports.ts'

/** RFC 9110 §9.2.1; every other method may change the target resource. */
const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE'])

export function isSafe(method: string): boolean {
  return safeMethods.has(method)
}

/** RFC 9111 §4.4: only a response that is no error invalidates. */
export function isChange(method: string, status: number): boolean {
  return !isSafe(method) && status >= 200 && status <= 399
}

/** scheme, host, path and query of a URL that an unsafe request made stale. */
export interface UrlParts {
  readonly scheme: 'http' | 'https'
  readonly host: string
  readonly path: string
  readonly query: string
}

const AS_STORED = { encodedSlash: 'keep', mergeSlashes: true, semicolons: 'keep' } as const

/**
 * RFC 9111 §4.4: the target, Location and Content-Location of a response that is no error; the latter two only on the
 * same origin.
 */
export function invalidatedUrls(request: CacheRequest, response: CacheResponse): UrlParts[] {
  if (!isChange(request.method, response.status)) return []
  const urls: UrlParts[] = [request]
  for (const name of ['location', 'content-location']) {
    const url = resolve(request, response.headers.get(name))
    if (url === undefined || url.protocol !== `${request.scheme}:`) continue
    if (url.host !== base(request)?.host) continue
    const path = normalisePath(url.pathname, AS_STORED) ?? url.pathname
    urls.push({ scheme: request.scheme, host: request.host, path, query: url.search.slice(1) })
  }
  return urls
}

/** Whether `reference` (Content-Location, for example) names the request's own URL. */
export function sameUrl(request: CacheRequest, reference: string | undefined): boolean {
  const url = resolve(request, reference)
  const own = base(request)
  return url !== undefined && own !== undefined && url.host === own.host && url.protocol === own.protocol
    ? url.pathname === own.pathname && url.search === own.search
    : false
}

function base(request: CacheRequest): URL | undefined {
  const query = request.query === '' ? '' : `?${request.query}`
  const text = `${request.scheme}://${request.host}${request.path}${query}`
  return URL.canParse(text) ? new URL(text) : undefined
}

function resolve(request: CacheRequest, reference: string | undefined): URL | undefined {
  const own = base(request)
  if (reference === undefined || reference.length > 8192 || own === undefined) return undefined
  return URL.canParse(reference, own.href) ? new URL(reference, own.href) : undefined
}
