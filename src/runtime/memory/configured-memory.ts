import type { Config } from '../../config/model/model.ts'
import type { SharedStoreMemory } from '../../l7/cache/store/memory/layout.ts'
import type { RedisPlan } from '../../redis/redis-plan.ts'
import { CacheStores } from './cache-stores.ts'
import { CacheTiers, type CacheTiersDeps } from './cache-tiers.ts'
import { StageMemories } from './stage-memories.ts'

export interface PreparedMemory {
  /** Memory of the caches, by name. */
  readonly caches: ReadonlyMap<string, SharedStoreMemory>
  /** Memory of stages, by stageMemoryId. */
  readonly stageMemories: ReadonlyMap<string, unknown>
  commit(): void
}

/** The shared memory that a configuration needs. A reload keeps unchanged parts. */
export class ConfiguredMemory {
  readonly caches: CacheStores
  readonly #stages: StageMemories

  constructor(workers: number, tiers: CacheTiersDeps) {
    this.caches = new CacheStores(workers, new CacheTiers(tiers, workers))
    this.#stages = new StageMemories(workers)
  }

  /** In force after `commit`. */
  prepare(config: Config, redis: RedisPlan | undefined): PreparedMemory {
    const caches = this.caches.prepare(config, redis)
    const stages = this.#stages.prepare(config)
    return {
      caches: caches.memories,
      stageMemories: stages.memories,
      commit() {
        caches.commit()
        stages.commit()
      }
    }
  }

  close(): void {
    this.caches.close()
  }

  /** Worker thread `thread` is being ended, but may live for long. */
  giveUp(thread: number): void {
    this.#stages.giveUp(thread)
  }

  /** Call it after worker thread `thread` (1 …) ended and before another takes its place. */
  recover(thread: number): void {
    this.caches.recover(thread)
    this.#stages.release(thread)
  }
}
