import { bareRecord } from '../../core/own.ts'
import { randomInt } from 'node:crypto'
import type { CacheStoreConfig, RouteCache } from '../../config/model/model.ts'
import { CacheAdmin, type Purgeable } from './cache-admin.ts'
import { KeyMaker } from './decide/key.ts'
import type { SharedStoreMemory } from './store/memory/layout.ts'
import { createSharedStore, recoverFrom } from './store/memory/recovery.ts'
import type { SharedStore, StoreStats } from './store/shared-store.ts'

interface NamedCache {
  readonly config: CacheStoreConfig
  readonly store: SharedStore
  readonly admin: CacheAdmin
  keys: readonly KeyMaker[]
}

/** The stores of the configuration on the main thread, which allocates their memory, purges and counts. */
export class MainCaches {
  readonly #workers: number
  readonly #caches = new Map<string, NamedCache>()

  constructor(workers: number) {
    this.#workers = workers
  }

  /**
   * Creates new stores, keeps unchanged ones with their content and drops the rest (their memory is freed when the last
   * worker lets go of it). `routes` are all routes that cache.
   */
  apply(
    configs: Readonly<Record<string, CacheStoreConfig>>,
    routes: readonly RouteCache[]
  ): Readonly<Record<string, SharedStoreMemory>> {
    const memories = bareRecord<SharedStoreMemory>()
    for (const [name, config] of Object.entries(configs)) {
      let cache = this.#caches.get(name)
      if (cache === undefined || !sameSize(cache.config, config)) cache = this.#make(config)
      cache.keys = routes.filter((route) => route.store === name).map((route) => new KeyMaker(route.key))
      this.#caches.set(name, cache)
      memories[name] = cache.store.memory
    }
    for (const name of this.#caches.keys()) if (!Object.hasOwn(configs, name)) this.#caches.delete(name)
    return memories
  }

  names(): string[] {
    return [...this.#caches.keys()]
  }

  /** `through`: another store to purge as well. */
  admin(name: string, through?: Purgeable): CacheAdmin | undefined {
    const cache = this.#caches.get(name)
    return through === undefined ? cache?.admin : cache && new CacheAdmin(through, () => cache.keys)
  }

  store(name: string): SharedStore | undefined {
    return this.#caches.get(name)?.store
  }

  stats(name: string): StoreStats | undefined {
    return this.#caches.get(name)?.store.stats()
  }

  /** Call it after a worker ended and before another one gets its index. */
  recover(deadWorker: number): void {
    for (const { store } of this.#caches.values()) recoverFrom(store, deadWorker)
  }

  #make(config: CacheStoreConfig): NamedCache {
    const { maxBytes, maxObjectBytes } = config
    const store = createSharedStore({ maxBytes, maxObjectBytes, workers: this.#workers }, randomInt(2 ** 31))
    const cache: NamedCache = { config, store, keys: [], admin: new CacheAdmin(store, () => cache.keys) }
    return cache
  }
}

function sameSize(one: CacheStoreConfig, other: CacheStoreConfig): boolean {
  return one.maxBytes === other.maxBytes && one.maxObjectBytes === other.maxObjectBytes
}
