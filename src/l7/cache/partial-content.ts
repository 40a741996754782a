import type { CacheCore } from './cache-core.ts'
import type { Hit } from './decide/decision.ts'
import { entryOf } from './entry.ts'
import { hitOf } from './fetch/hits.ts'
import type { Directives } from './policy/cache-control.ts'
import { reuse } from './policy/reuse.ts'
import { isConditional, isStrong } from './policy/validators.ts'
import type { CacheRequest, StoredRecord } from './ports.ts'
import type { Stored } from './fetch/fetch-plan.ts'

/**
 * Whether a stored part can be completed to answer a plain GET: it must be the beginning of a representation of known
 * length with a strong validator, without which parts must not be combined (RFC 9110 §15.3.7.3).
 */
export function completable(request: CacheRequest, record: StoredRecord | undefined): Stored | undefined {
  const entry = record === undefined ? undefined : entryOf(record)
  if (record === undefined || entry?.kind !== 'response' || entry.range?.first !== 0) return undefined
  if (entry.range.complete === undefined || !isStrong(entry.etag)) return undefined
  if (request.method !== 'GET' || request.headers.get('range') !== undefined) return undefined
  return isConditional(request.headers) ? undefined : { entry, record }
}

/** Answers from a stored part when it is fresh and contains the requested range. Takes over the record then. */
export function hitFromPart(
  core: CacheCore,
  request: CacheRequest,
  directives: Directives,
  record: StoredRecord,
  now: number
): Hit | undefined {
  const entry = entryOf(record)
  if (entry?.kind !== 'response' || reuse(entry, directives, core.config, now) !== 'fresh') return undefined
  const hit = hitOf(request, entry, record, undefined, undefined, now)
  if (hit !== undefined) core.counters.add('hit')
  return hit
}
