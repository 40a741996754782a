import { own } from '../../core/own.ts'
import {
  ControlError,
  type CacheTraffic,
  type CacheView,
  type PurgeReport,
  type PurgeRequest
} from '../../admin/control-plane.ts'
import type { CacheStoreConfig, Config, RouteCache } from '../../config/model/model.ts'
import type { Collector } from '../../core/metrics/hub.ts'
import { MainCaches } from '../../l7/cache/main-caches.ts'
import type { CacheStore } from '../../l7/cache/ports.ts'
import { CachePurges } from '../../redis/cache/purges/cache-purges.ts'
import type { PurgeFollower } from '../../redis/cache/purges/purge-follower.ts'
import { TierWords } from '../../redis/cache/tier-words.ts'
import type { RedisPlan } from '../../redis/redis-plan.ts'
import type { CacheTiers } from './cache-tiers.ts'
import type { SharedStoreMemory } from '../../l7/cache/store/memory/layout.ts'

/** How long a purge waits until other instances know of it. */
const PURGE_WAITS_MS = 1000

interface Store {
  /** Present where Redis is behind the memory; known to the threads. */
  readonly words: TierWords | undefined
  readonly config: CacheStoreConfig
  /** For this one cache, so that the memory for a failed reload can be dropped without touching other caches. */
  readonly main: MainCaches
  readonly memory: SharedStoreMemory
}

export interface PreparedCaches {
  readonly memories: ReadonlyMap<string, SharedStoreMemory>
  commit(): void
}

/** The caches of the configuration in the main thread: allocates their memory, purges, counts and cleans up. */
export class CacheStores {
  readonly #workers: number
  readonly #tiers: CacheTiers
  #stores: ReadonlyMap<string, Store> = new Map()
  /** Of the caches in force that have Redis behind them. */
  #followers = new Map<
    string,
    { readonly store: Store; readonly plan: string; readonly follower: PurgeFollower }
  >()
  /** Number of responses removed by purges since the start, by cache. */
  readonly #purged = new Map<string, number>()

  constructor(workers: number, tiers: CacheTiers) {
    this.#workers = workers
    this.#tiers = tiers
  }

  /** Unchanged caches keep their memory and content; new ones are in force after `commit` only. */
  prepare(config: Config, redis: RedisPlan | undefined): PreparedCaches {
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
        this.#follow(redis)
        const routes = cachingRoutes(config)
        for (const store of stores.values()) store.main.apply({ [store.config.name]: store.config }, routes)
      }
    }
  }

  /** Call it after worker thread `thread` (1 …) ended and before another takes its place. */
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

  /** `traffic`: what the threads have counted of a cache. */
  views(traffic: (cache: string) => CacheTraffic): CacheView[] {
    return [...this.#stores].map(([name, { main, config }]) => {
      const { entries, bytes, evictions } = main.stats(name)!
      const held = { entries, bytes, maxBytes: config.maxBytes }
      const left = { evicted: evictions, purged: this.#purged.get(name) ?? 0 }
      const redis = this.#followers.get(name)?.follower.view
      return { name, ...held, ...traffic(name), ...left, ...(redis && { redis }) }
    })
  }

  /** The store, for reading. */
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

  close(): void {
    this.#stores = new Map()
    this.#follow(undefined)
  }

  async purge({ cache, target, soft }: PurgeRequest): Promise<PurgeReport> {
    const staleAt = soft === true ? this.#tiers.now() : undefined
    const names = cache === undefined ? [...this.#stores.keys()] : [cache]
    let purged = 0
    for (const name of names) {
      const store = this.#stores.get(name)
      const follower = this.#followers.get(name)?.follower
      const through = follower && store && new CachePurges(store.main.store(name)!, follower)
      const admin = store?.main.admin(name, through)
      if (admin === undefined) throw new ControlError('not-found', `there is no cache ${name}`)
      const done = admin.purge(target, staleAt)
      if (done === undefined)
        throw new ControlError('conflict', 'the url must be an absolute http or https URL')
      purged += done
      this.#purged.set(name, (this.#purged.get(name) ?? 0) + done)
    }
    const unsent = await this.#unsent(names)
    return { purged, caches: names, ...(unsent.length > 0 && { unsent }) }
  }

  /** Caches with a purge that other instances do not know of yet. */
  async #unsent(names: readonly string[]): Promise<string[]> {
    const followed = names.filter((name) => this.#followers.has(name))
    const sent = await Promise.all(
      followed.map((name) => this.#followers.get(name)!.follower.sent(PURGE_WAITS_MS))
    )
    return followed.filter((_, i) => !sent[i])
  }

  /** Unchanged followers continue; new ones begin. */
  #follow(redis: RedisPlan | undefined): void {
    const plan = JSON.stringify(redis)
    for (const [name, followed] of this.#followers) {
      if (this.#stores.get(name) === followed.store && followed.plan === plan) continue
      followed.follower.close()
      this.#followers.delete(name)
    }
    for (const [name, store] of this.#stores) {
      if (redis === undefined || store.words === undefined || this.#followers.has(name)) continue
      // What was read from another server does not apply to this one.
      store.words.applied = -1
      const follower = this.#tiers.follow(redis, name, store.main.store(name)!, store.words)
      this.#followers.set(name, { store, plan, follower })
    }
  }

  #make(config: CacheStoreConfig): Store {
    const main = new MainCaches(this.#workers)
    const memory = own(main.apply({ [config.name]: config }, []), config.name)!
    const words = config.store === 'redis' ? TierWords.create(this.#workers) : undefined
    return { config, main, words, memory: words === undefined ? memory : { ...memory, tier: words.memory } }
  }
}

function cachingRoutes({ listeners }: Config): RouteCache[] {
  return listeners.flatMap((listener) =>
    listener.mode === 'l7' ? listener.routes.flatMap(({ cache }) => cache ?? []) : []
  )
}
