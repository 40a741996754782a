import type { Purge } from './purges/purge.ts'
import type { RemoteCache } from './remote-cache.ts'

const MAX_LOST = 1024
const TRIES_AGAIN_MS = 250

/** Removals on their way to Redis: what it has not heard of is told again, and until then nothing is read from there. */
export class LostRemovals {
  readonly #remote: RemoteCache
  readonly #keys = new Set<string>()
  readonly #purges = new Set<Purge>()
  #waiting = false

  constructor(remote: RemoteCache) {
    this.#remote = remote
  }

  get none(): boolean {
    return this.#keys.size === 0 && this.#purges.size === 0
  }

  remove(key: string): void {
    if (!this.#remote.usable) return this.#missed(key)
    this.#remote.remove(key, (removed) => {
      if (!removed) this.#missed(key)
    })
  }

  purge(purge: Purge): void {
    const missed = () => {
      this.#purges.add(purge)
      this.#bound()
      this.#later()
    }
    if (!this.#remote.usable) return missed()
    this.#remote.purge(purge, (sent) => {
      if (!sent) missed()
    })
  }

  #missed(key: string): void {
    this.#keys.add(key)
    this.#bound()
    this.#later()
  }

  /** More than can be remembered: then all of it goes. */
  #bound(): void {
    if (this.#keys.size + this.#purges.size <= MAX_LOST) return
    this.#keys.clear()
    this.#purges.clear()
    this.#purges.add({ kind: 'all' })
  }

  #later(): void {
    if (this.#waiting) return
    this.#waiting = true
    this.#remote.clock.after(TRIES_AGAIN_MS, () => {
      this.#waiting = false
      if (!this.#remote.usable) return this.#later()
      const keys = [...this.#keys]
      const purges = [...this.#purges]
      for (const key of keys) {
        this.#remote.remove(key, (removed) => {
          if (removed) this.#keys.delete(key)
          else this.#later()
        })
      }
      for (const purge of purges) {
        this.#remote.purge(purge, (sent) => {
          if (sent) this.#purges.delete(purge)
          else this.#later()
        })
      }
    })
  }
}
