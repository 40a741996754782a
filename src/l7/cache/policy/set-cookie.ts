import type { RouteCache } from '../../../config/model/model.ts'
import type { Lifetime } from './freshness.ts'
import type { ResponseDirectives } from './response-directives.ts'

/** The response says explicitly that it is for all clients. */
export function isShared(directives: ResponseDirectives): boolean {
  return directives.public || directives.sMaxage !== undefined || directives.targeted
}

/**
 * Whether the cookie may be stored and sent to all clients: with `shared` only if the response says that it is shared.
 * RFC 9111 §7.3 does not require that, so with `explicit` a lifetime in the response is enough. A heuristic or
 * configured lifetime does not count, nor does a response that must be revalidated each time.
 */
export function keepsCookie(
  setting: RouteCache['setCookie'],
  directives: ResponseDirectives,
  lifetime: Lifetime | undefined
): boolean {
  if (setting === 'never') return false
  if (isShared(directives)) return true
  return setting === 'explicit' && lifetime?.explicit === true && lifetime.ms > 0 && !directives.noCache
}

/** private="set-cookie" and no-cache="set-cookie" exclude the field from what is stored. */
export function takesCookieOut(directives: ResponseDirectives): boolean {
  return directives.noCacheFields.includes('set-cookie') || directives.privateFields.includes('set-cookie')
}
