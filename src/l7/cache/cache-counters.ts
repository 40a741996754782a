import type { Counter, Metrics } from '../../core/metrics/metrics.ts'
import { CACHE_RESULTS, type CacheCounter, type CacheCounters } from './ports.ts'

/** This thread's counters of one store, over all routes that use it. */
export function cacheCounters(metrics: Metrics, cache: string): CacheCounters {
  const results = CACHE_RESULTS.map(
    (result) => [result, metrics.counter('lb_cache_requests_total', { cache, result })] as const
  )
  const stored = ['stored', metrics.counter('lb_cache_stored_total', { cache })] as const
  const counters = Object.fromEntries([...results, stored]) as Record<CacheCounter, Counter>
  return { add: (name) => counters[name].add() }
}
