import type { CacheRequest, CacheResponse } from '../ports.ts'
import type { RouteCache } from '../../../config/model/model.ts'
import type { Directives } from './cache-control.ts'
import type { Lifetime } from './freshness.ts'
import type { ResponseDirectives } from './response-directives.ts'
import { sameUrl } from './invalidation.ts'
import { isShared, keepsCookie, takesCookieOut } from './set-cookie.ts'
import { varyNames } from './vary.ts'

/** RFC 9110 §15: the statuses whose caching rules this cache implements, for must-understand (RFC 9111 §5.2.2.3). */
const understood = new Set([
  200, 203, 204, 206, 300, 301, 302, 303, 307, 308, 400, 401, 402, 403, 404, 405, 406, 408, 409, 410, 411,
  412, 413, 414, 415, 416, 417, 421, 422, 426, 500, 501, 502, 503, 504, 505
])

/**
 * Statuses that tell of one request and not of its target. RFC 9110 §15.5: 412, 416 and 417 answer its conditions, range or
 * Expect, which other requests do not have. RFC 6585 forbids to store 428, 429, 431 and 511: whoever sends too many
 * fields would lock out everybody else.
 */
const ofOneRequest = new Set([412, 416, 417, 428, 429, 431, 511])

/** Why a response is not stored; the names appear in the detail of Cache-Status and in `lb explain`. */
export type NotStorable =
  | 'method'
  | 'status'
  | 'request-no-store'
  | 'no-store'
  | 'private'
  | 'authorization'
  | 'set-cookie'
  | 'vary'
  | 'no-lifetime'

/** Whether a request has credentials: Authorization, or an authenticated user. */
export function hasCredentials(request: CacheRequest): boolean {
  return request.authenticated === true || request.headers.get('authorization') !== undefined
}

/** RFC 9111 §3.5: the response to a request with Authorization is for its user only, unless it says otherwise. */
export function isForOneUser(request: CacheRequest, directives: ResponseDirectives): boolean {
  if (!hasCredentials(request)) return false
  return !isShared(directives) && !directives.mustRevalidate
}

/** RFC 9111 §3 for a shared cache. Undefined when the response may be stored. */
export function whyNotStorable(
  request: CacheRequest,
  requestDirectives: Directives,
  response: CacheResponse,
  directives: ResponseDirectives,
  lifetime: Lifetime | undefined,
  setCookie: RouteCache['setCookie']
): NotStorable | undefined {
  if (!methodAllows(request, response, lifetime)) return 'method'
  if (response.status < 200 || response.status === 304 || response.status > 599) return 'status'
  if (ofOneRequest.has(response.status)) return 'status'
  if (requestDirectives.noStore) return 'request-no-store'
  if (directives.mustUnderstand) {
    if (!understood.has(response.status)) return 'status'
  } else if (directives.noStore) return 'no-store'
  if (directives.private) return 'private'

  if (isForOneUser(request, directives)) return 'authorization'
  const cookie = response.headers.get('set-cookie') !== undefined
  if (cookie && !keepsCookie(setCookie, directives, lifetime) && !takesCookieOut(directives))
    return 'set-cookie'
  if (varyNames(response.headers.get('vary')) === undefined) return 'vary'
  return isUseful(response, directives, lifetime) ? undefined : 'no-lifetime'
}

function methodAllows(
  request: CacheRequest,
  response: CacheResponse,
  lifetime: Lifetime | undefined
): boolean {
  if (request.method === 'GET') return true
  // RFC 9110 §9.3.3: the response to a POST may answer a later GET if it says so and has an explicit lifetime.
  if (request.method !== 'POST' || response.status !== 200 || lifetime?.explicit !== true) return false
  return sameUrl(request, response.headers.get('content-location'))
}

/** Without a lifetime, a validator or a stale window it could never be used. */
function isUseful(response: CacheResponse, directives: Directives, lifetime: Lifetime | undefined): boolean {
  if (lifetime !== undefined && lifetime.ms > 0) return true
  if ((directives.staleWhileRevalidate ?? 0) > 0 || (directives.staleIfError ?? 0) > 0) return true
  const validators = response.headers.get('etag') ?? response.headers.get('last-modified')
  if (validators === undefined) return false
  // Something must allow storing (RFC 9111 §3): a lifetime, public, no-cache, or a status cacheable by default.
  return (
    lifetime !== undefined ||
    directives.public ||
    directives.noCache ||
    [200, 203, 204, 404, 410].includes(response.status)
  )
}
