import type { RouteCache } from '../../../config/model/model.ts'
import type { Lifetime } from './freshness.ts'
import type { ResponseDirectives } from './response-directives.ts'

/** The response says in so many words that it is for everybody. */
export function isShared(directives: ResponseDirectives): boolean {
  return directives.public || directives.sMaxage !== undefined || directives.targeted
}

/**
 * Whether a cookie may stand in what everybody gets: with `shared` by the response's consent only. RFC 9111 §7.3 does not
 * ask for that, so with `explicit` a lifetime of its own is enough. A guess, a lifetime from the configuration, and a response that is to be
 * validated each time mean nothing of the kind.
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

/** private="set-cookie" and no-cache="set-cookie" take the field out of what is stored. */
export function takesCookieOut(directives: ResponseDirectives): boolean {
  return directives.noCacheFields.includes('set-cookie') || directives.privateFields.includes('set-cookie')
}
