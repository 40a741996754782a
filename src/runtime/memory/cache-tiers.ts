import type { Clock } from '../../core/clock.ts'
import type { Logger } from '../../core/log/log.ts'
import type { Metrics } from '../../core/metrics/metrics.ts'
import { steadyNow } from '../../l7/cache/steady-now.ts'
import type { CacheStore } from '../../l7/cache/ports.ts'
import { CacheNames } from '../../redis/cache/names.ts'
import { PurgeFollower } from '../../redis/cache/purges/purge-follower.ts'
import type { TierWords } from '../../redis/cache/tier-words.ts'
import type { RedisBoard } from '../../redis/redis-board.ts'
import { RedisLink } from '../../redis/redis-link.ts'
import type { RedisPlan } from '../../redis/redis-plan.ts'

export interface CacheTiersDeps {
  readonly clock: Clock
  readonly log: Logger
  readonly metrics: Metrics
  readonly board: RedisBoard
  /** Identifies this process. */
  readonly pseudonym: string
}

/** Creates the parts of the main thread that keep the memory of caches in step with other instances. */
export class CacheTiers {
  readonly #deps: CacheTiersDeps
  readonly #inline: boolean

  constructor(deps: CacheTiersDeps, workers: number) {
    this.#deps = deps
    this.#inline = workers === 0
  }

  /** As stored responses age. */
  now(): number {
    return steadyNow(this.#deps.clock)
  }

  follow(plan: RedisPlan, cache: string, memory: CacheStore, words: TierWords): PurgeFollower {
    const { clock, board, pseudonym } = this.#deps
    // When the main thread serves requests itself, its other link reports about Redis.
    const link = new RedisLink(plan, { ...this.#deps, board: this.#inline ? undefined : board, thread: 0 })
    const names = new CacheNames(plan.config.prefix, cache)
    return new PurgeFollower({ plan, link, names, words, memory, clock, instance: pseudonym })
  }
}
