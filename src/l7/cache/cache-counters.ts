import type { Metrics } from '../../core/metrics/metrics.ts'
import type { CacheCounter, CacheCounters } from './ports.ts'

/** This thread's counters of one store, over all routes that use it. */
export function cacheCounters(metrics: Metrics, cache: string): CacheCounters {
  const result = (name: Exclude<CacheCounter, 'stored'>) =>
    metrics.counter('lb_cache_requests_total', { cache, result: name })
  const counters = {
    hit: result('hit'),
    miss: result('miss'),
    stale: result('stale'),
    revalidated: result('revalidated'),
    coalesced: result('coalesced'),
    bypass: result('bypass'),
    stored: metrics.counter('lb_cache_stored_total', { cache })
  } satisfies Record<CacheCounter, { add(): void }>
  return { add: (name) => counters[name].add() }
}
