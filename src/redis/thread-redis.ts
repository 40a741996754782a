import { RedisTier } from './cache/redis-tier.ts'
import { hash } from 'node:crypto'
import { RateCounts } from './rate-counts.ts'
import { RedisLink, type RedisLinkDeps } from './redis-link.ts'
import type { RedisPlan } from './redis-plan.ts'
import { RedisSessionStores } from './sessions/redis-sessions.ts'

/** What one thread has of one Redis. */
export interface RedisUse {
  readonly link: RedisLink
  readonly rates: RateCounts
  readonly tier: RedisTier
  readonly sessions: RedisSessionStores
}

export interface ThreadRedisDeps extends RedisLinkDeps {
  /** Of this process. */
  readonly pseudonym: string
}

/** The Redis of one thread: connected when something first says `store: redis`, kept over reloads that do not change it. */
export class ThreadRedis {
  readonly #deps: ThreadRedisDeps
  readonly #uses = new Map<string, RedisUse>()

  constructor(deps: ThreadRedisDeps) {
    this.#deps = deps
  }

  use(plan: RedisPlan): RedisUse {
    const key = JSON.stringify(plan)
    let use = this.#uses.get(key)
    if (use === undefined) {
      const link = new RedisLink(plan, this.#deps)
      const tier = new RedisTier(plan, link, this.#deps)
      const sessions = new RedisSessionStores(hash('sha256', key), link)
      use = { link, rates: new RateCounts(link), tier, sessions }
      this.#uses.set(key, use)
    }
    return use
  }

  /** Closes those of other plans. */
  retain(plan: RedisPlan | undefined): void {
    const kept = JSON.stringify(plan)
    for (const [key, { link, tier }] of this.#uses) {
      if (key === kept) continue
      tier.close()
      link.close()
      this.#uses.delete(key)
    }
  }
}
