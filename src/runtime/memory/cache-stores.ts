import { own } from '../../core/own.ts'
import {
  ControlError,
  type CacheView,
  type PurgeReport,
  type PurgeRequest,
  type PurgeTarget
} from '../../admin/control-plane.ts'
import type { CacheStoreConfig, Config, RouteCache } from '../../config/model/model.ts'
import type { Collector } from '../../core/metrics/hub.ts'
import type { CacheAdmin, Purged } from '../../l7/cache/cache-admin.ts'
import { MainCaches } from '../../l7/cache/main-caches.ts'
import type { CacheStore } from '../../l7/cache/ports.ts'
import type { SharedStoreMemory } from '../../l7/cache/store/memory/layout.ts'

interface Store {
  readonly config: CacheStoreConfig
  /** Of this one cache: so that one made for a reload that fails is dropped without touching the others. */
  readonly main: MainCaches
  readonly memory: SharedStoreMemory
}

export interface PreparedCaches {
  readonly memories: ReadonlyMap<string, SharedStoreMemory>
  commit(): void
}

/** The caches of the configuration, in the main thread: it makes their memory, purges, counts and cleans up. */
export class CacheStores {
  readonly #workers: number
  #stores: ReadonlyMap<string, Store> = new Map()
  /** Responses removed by purges, by cache, since the start. */
  readonly #purged = new Map<string, number>()

  constructor(workers: number) {
    this.#workers = workers
  }

  /** What did not change keeps its memory and all that is stored; what is new is only in force after `commit`. */
  prepare(config: Config): PreparedCaches {
    const stores = new Map<string, Store>()
    for (const cache of Object.values(config.caches)) {
      const before = this.#stores.get(cache.name)
      const same = before !== undefined && JSON.stringify(before.config) === JSON.stringify(cache)
      stores.set(cache.name, same ? before : this.#make(cache))
    }
    return {
      memories: new Map([...stores].map(([name, { memory }]) => [name, memory])),
      commit: () => {
        this.#stores = stores
        const routes = cachingRoutes(config)
        for (const store of stores.values()) store.main.apply({ [store.config.name]: store.config }, routes)
      }
    }
  }

  /** After worker thread `thread` (1 …) has ended, before another takes its place. */
  recover(thread: number): void {
    let failed: unknown
    for (const { main } of this.#stores.values()) {
      try {
        main.recover(thread - 1)
      } catch (error) {
        failed = error
      }
    }
    if (failed !== undefined) throw failed as Error
  }

  views(): CacheView[] {
    return [...this.#stores].map(([name, { main, config }]) => {
      const { entries, bytes } = main.stats(name)!
      return { name, entries, bytes, maxBytes: config.maxBytes }
    })
  }

  /** To look into. */
  store(name: string): CacheStore | undefined {
    return this.#stores.get(name)?.main.store(name)
  }

  collect: Collector = (sample) => {
    for (const [cache, { main }] of this.#stores) {
      const { entries, bytes, evictions } = main.stats(cache)!
      sample('lb_cache_entries', { cache }, entries)
      sample('lb_cache_bytes', { cache }, bytes)
      sample('lb_cache_evictions_total', { cache }, evictions)
      sample('lb_cache_purged_total', { cache }, this.#purged.get(cache) ?? 0)
    }
  }

  purge({ cache, target }: PurgeRequest): PurgeReport {
    const names = cache === undefined ? [...this.#stores.keys()] : [cache]
    let purged = 0
    for (const name of names) {
      const admin = this.#stores.get(name)?.main.admin(name)
      if (admin === undefined) throw new ControlError('not-found', `there is no cache ${name}`)
      const done = purgeTarget(admin, target)
      if (done === undefined)
        throw new ControlError('conflict', 'the url must be an absolute http or https URL')
      purged += done.purged
      this.#purged.set(name, (this.#purged.get(name) ?? 0) + done.purged)
    }
    return { purged, caches: names }
  }

  #make(config: CacheStoreConfig): Store {
    const main = new MainCaches(this.#workers)
    return { config, main, memory: own(main.apply({ [config.name]: config }, []), config.name)! }
  }
}

function purgeTarget(admin: CacheAdmin, target: PurgeTarget): Purged | undefined {
  switch (target.kind) {
    case 'url':
      return admin.purgeUrl(target.url)
    case 'prefix':
      return admin.purgePrefix(target.prefix)
    case 'tag':
      return admin.purgeTag(target.tag)
    case 'all':
      return admin.purgeAll()
  }
}

function cachingRoutes({ listeners }: Config): RouteCache[] {
  return listeners.flatMap((listener) =>
    listener.mode === 'l7' ? listener.routes.flatMap(({ cache }) => cache ?? []) : []
  )
}
