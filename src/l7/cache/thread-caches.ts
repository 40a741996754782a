import { SPARE_ROWS } from '../../shared/spare-rows.ts'
import type { RouteCache } from '../../config/model/model.ts'
import type { Clock } from '../../core/clock.ts'
import type { Metrics } from '../../core/metrics/metrics.ts'
import type { Random } from '../../core/random.ts'
import { cacheCounters } from './cache-counters.ts'
import { HttpCache } from './http-cache.ts'
import type { CacheStore } from './ports.ts'
import type { SharedStoreMemory } from './store/memory/layout.ts'
import { SharedStore } from './store/shared-store.ts'

export interface ThreadCachesDeps {
  readonly metrics: Metrics
  readonly clock: Clock
  readonly random: Random
  /** From 0; the main thread, which serves requests itself with `workers: 0`, has the number of workers. */
  readonly workerIndex: number
}

/** A second, remote place for entries. */
export interface CacheTier {
  /** The store of cache `cache` with this tier behind it; the same one for the same memory. */
  over(store: CacheStore, cache: string, memory: SharedStoreMemory): CacheStore
}

/** The caches of one thread: a view of each shared store, kept as long as its memory, and an HttpCache per route. */
export class ThreadCaches {
  readonly #deps: ThreadCachesDeps
  readonly #stores = new WeakMap<SharedArrayBuffer, SharedStore>()

  constructor(deps: ThreadCachesDeps) {
    this.#deps = deps
  }

  /** `memory`: of the store that the route names. `tier`: the remote tier behind it. */
  httpCache(route: RouteCache, memory: SharedStoreMemory, tier?: CacheTier): HttpCache {
    const { metrics, clock, random } = this.#deps
    const counters = cacheCounters(metrics, route.store)
    const own = this.#store(memory)
    const store = tier?.over(own, route.store, memory) ?? own
    return new HttpCache({ config: route, store, counters, clock, random })
  }

  #store(memory: SharedStoreMemory): SharedStore {
    // Each message creates new objects; the memory itself stays the same.
    let store = this.#stores.get(memory.control)
    if (store === undefined) {
      store = new SharedStore(memory, this.#deps.workerIndex, hotBytesOf(memory))
      this.#stores.set(memory.control, store)
    }
    return store
  }
}

/** Hot copies of all threads together take a sixteenth of `maxBytes`, which the shared memory leaves free. */
export function hotBytesOf(memory: SharedStoreMemory): number {
  return Math.floor(memory.maxBytes / 16 / Math.max(1, memory.workers - SPARE_ROWS))
}
