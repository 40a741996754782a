import type { Purgeable } from '../../../l7/cache/cache-admin.ts'
import type { CacheStore } from '../../../l7/cache/ports.ts'
import type { PurgeFollower } from './purge-follower.ts'
import { type Purge, purgeFrom } from './purge.ts'

/** An operator's purge: removes from this instance's memory at once, and from all others through Redis. */
export class CachePurges implements Purgeable {
  readonly #memory: CacheStore
  readonly #follower: PurgeFollower

  constructor(memory: CacheStore, follower: PurgeFollower) {
    this.#memory = memory
    this.#follower = follower
  }

  nextEpoch(): void {
    this.#memory.nextEpoch()
  }

  removeUrl(url: string): number {
    return this.#purge({ kind: 'url', value: url })
  }

  removePrefix(prefix: string): number {
    return this.#purge({ kind: 'prefix', value: prefix })
  }

  removeTag(tag: string): number {
    return this.#purge({ kind: 'tag', value: tag })
  }

  removeAll(): number {
    return this.#purge({ kind: 'all' })
  }

  #purge(purge: Purge): number {
    this.#follower.send(purge)
    return purgeFrom(this.#memory, purge)
  }
}
