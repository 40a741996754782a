import type { CacheCore } from '../cache-core.ts'
import { partKey } from '../cache-core.ts'
import { invalidatedUrls } from '../policy/invalidation.ts'
import type { CacheRequest, CacheResponse } from '../ports.ts'
import type { Place } from './storing.ts'

/**
 * Removes what an unsafe request has made out of date (RFC 9111 §4.4). Where its own answer goes: that is newer than its
 * invalidation, and no newer than another's.
 */
export function invalidate(
  core: CacheCore,
  request: CacheRequest,
  response: CacheResponse,
  place: Place | undefined
): Place | undefined {
  const { store } = core
  const newest = place !== undefined && place.epoch === store.epochOf(place.baseKey)
  remove(core, request, response)
  return newest ? { ...place, epoch: store.epochOf(place.baseKey), askedAt: undefined } : place
}

function remove({ store, keys }: CacheCore, request: CacheRequest, response: CacheResponse): void {
  for (const parts of invalidatedUrls(request, response)) {
    const url = keys.url(parts)
    // Where the key is more than the URL, the keys of others must be looked for; a marker takes its variants along.
    if (keys.selective) store.removeUrl(url)
    else {
      // As most ask for it, and as this client does: in its spelling, and over its proxy.
      const own = parts === request ? keys.key(request) : url + (request.told ?? '')
      for (const key of new Set([url, own ?? url])) {
        store.invalidate(key)
        store.invalidate(partKey(key))
      }
    }
  }
}
