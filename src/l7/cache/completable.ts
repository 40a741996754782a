import { entryOf } from './entry.ts'
import { isConditional, isStrong } from './policy/validators.ts'
import type { CacheRequest, StoredRecord } from './ports.ts'
import type { Stored } from './upstream-fetch.ts'

/**
 * A stored part that a plain GET can have completed: the beginning of a representation of known length under a strong
 * validator, without which parts must not be combined (RFC 9110 §15.3.7.3).
 */
export function completable(request: CacheRequest, record: StoredRecord | undefined): Stored | undefined {
  const entry = record === undefined ? undefined : entryOf(record)
  if (record === undefined || entry?.kind !== 'response' || entry.range?.first !== 0) return undefined
  if (entry.range.complete === undefined || !isStrong(entry.etag)) return undefined
  if (request.method !== 'GET' || request.headers.get('range') !== undefined) return undefined
  return isConditional(request.headers) ? undefined : { entry, record }
}
