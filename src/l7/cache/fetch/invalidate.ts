import type { CacheCore } from '../cache-core.ts'
import { partKey } from '../cache-core.ts'
import { invalidatedUrls } from '../policy/invalidation.ts'
import type { CacheRequest, CacheResponse } from '../ports.ts'
import type { Place } from './storing.ts'

/**
 * Removes what an unsafe request has made stale (RFC 9111 §4.4). Returns the place for the answer of the request
 * itself, which is newer than this invalidation and not newer than those of other requests.
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
    // Where keys hold more than the URL, all keys of the URL are removed; a vary marker takes its variants with it.
    if (keys.selective) store.purge({ kind: 'url', values: [url] })
    else {
      // The key as most clients would have it, and the key of this client: its spelling of the path, its trusted proxy.
      const own = parts === request ? keys.key(request) : url + (request.forwarded ?? '')
      for (const key of new Set([url, own ?? url])) {
        store.invalidate(key)
        store.invalidate(partKey(key))
      }
    }
  }
}
