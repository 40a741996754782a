import type { Purgeable } from '../../../l7/cache/cache-admin.ts'
import type { CacheStore, Purge } from '../../../l7/cache/ports.ts'
import type { PurgeFollower } from './purge-follower.ts'

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

  purge(what: Purge, staleAt?: number): number {
    this.#follower.send(what, staleAt !== undefined)
    return this.#memory.purge(what, staleAt)
  }
}
