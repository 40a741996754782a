import type { Clock } from '../../core/clock.ts'
import type { Metrics } from '../../core/metrics/metrics.ts'
import type { CacheStore } from '../../l7/cache/ports.ts'
import type { SharedStoreMemory } from '../../l7/cache/store/memory/layout.ts'
import type { CacheTier } from '../../l7/cache/thread-caches.ts'
import type { RedisLink } from '../redis-link.ts'
import type { RedisPlan } from '../redis-plan.ts'
import { Subscriber } from '../subscriber.ts'
import { Confirmations } from './confirm/confirmations.ts'
import { CacheNames } from './names.ts'
import { RemoteCache } from './remote-cache.ts'
import { TieredStore } from './tiered-store.ts'
import { TierWords } from './tier-words.ts'

export interface RedisTierDeps {
  readonly clock: Clock
  readonly metrics: Metrics
  /** Identifies this process. */
  readonly pseudonym: string
  readonly thread: number
}

/** Puts Redis behind the memory of the caches of one thread. */
export class RedisTier implements CacheTier {
  readonly #plan: RedisPlan
  readonly #link: RedisLink
  readonly #deps: RedisTierDeps
  readonly #stores = new WeakMap<SharedArrayBuffer, TieredStore>()
  /** By cache. */
  readonly #confirmations = new Map<string, Confirmations>()
  /** For all caches. */
  #subscriber: Subscriber | undefined

  constructor(plan: RedisPlan, link: RedisLink, deps: RedisTierDeps) {
    this.#plan = plan
    this.#link = link
    this.#deps = deps
  }

  close(): void {
    for (const each of this.#confirmations.values()) each.close()
    this.#confirmations.clear()
    this.#subscriber?.close()
    this.#subscriber = undefined
  }

  over(memory: CacheStore, cache: string, { control, tier }: SharedStoreMemory): CacheStore {
    if (tier === undefined) return memory
    let store = this.#stores.get(control)
    if (store === undefined) {
      const names = new CacheNames(this.#link.prefix, cache)
      const words = new TierWords(tier)
      const { clock, metrics, pseudonym, thread } = this.#deps
      const remote = new RemoteCache({ link: this.#link, names, words, clock, instance: pseudonym })
      const counter = (result: string) => metrics.counter('lb_cache_tier_lookups_total', { cache, result })
      const counts = { stored: counter('hit'), claimed: counter('claimed'), none: counter('none') }
      // Of the memory that the cache had before.
      this.#confirmations.get(cache)?.close()
      this.#subscriber ??= new Subscriber({ plan: this.#plan, clock, nodes: () => this.#link.nodes })
      const confirmations = new Confirmations({
        subscriber: this.#subscriber,
        names,
        words,
        instance: pseudonym,
        thread
      })
      this.#confirmations.set(cache, confirmations)
      store = new TieredStore(memory, remote, thread, (result) => counts[result].add(), confirmations)
      this.#stores.set(control, store)
    }
    return store
  }
}
