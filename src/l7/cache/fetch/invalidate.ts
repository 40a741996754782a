import type { CacheCore } from '../cache-core.ts'
import { partKey } from '../cache-core.ts'
import { invalidatedUrls } from '../policy/invalidation.ts'
import type { CacheRequest, CacheResponse } from '../ports.ts'

/** Removes what an unsafe request has made out of date (RFC 9111 §4.4). */
export function invalidate(core: CacheCore, request: CacheRequest, response: CacheResponse): void {
  const { store, keys } = core
  for (const parts of invalidatedUrls(request, response)) {
    const url = keys.url(parts)
    // Where the key is more than the URL, the keys of others must be looked for; a marker takes its variants along.
    if (keys.selective) store.removeUrl(url)
    else {
      // As most ask for it, and as this client does: in its spelling, and over its proxy.
      const own = parts === request ? keys.key(request) : url + (request.told ?? '')
      for (const key of new Set([url, own ?? url])) {
        store.remove(key)
        store.remove(partKey(key))
      }
    }
  }
}
