import type { Purge } from './purges/purge.ts'
import type { RemoteCache } from './remote-cache.ts'

const MAX_LOST = 1024
const TRIES_AGAIN_MS = 250

interface Removal {
  /** Equal for equal removals. */
  readonly name: string
  readonly send: (done: (heard: boolean) => void) => void
  /** Threads of this instance may read it from Redis again. */
  readonly end: () => void
}

/**
 * Removals on their way to Redis: until Redis has confirmed one, no thread of this instance reads there what was
 * removed. Unconfirmed removals are sent again.
 */
export class Removals {
  readonly #remote: RemoteCache
  readonly #thread: number
  readonly #lost = new Map<string, Removal>()
  #waiting = false

  constructor(remote: RemoteCache, thread: number) {
    this.#remote = remote
    this.#thread = thread
    const left = remote.words.leftBy(thread)
    // It is not known which ones they were.
    if (left !== undefined) this.#tell(this.#purging({ kind: 'all' }, left))
  }

  remove(key: string): void {
    const end = this.#remote.words.begin(this.#thread, key)
    this.#tell({ name: `key ${key}`, send: (done) => this.#remote.remove(key, done), end })
  }

  purge(purge: Purge): void {
    const url = purge.kind === 'url' ? purge.value : undefined
    this.#tell(this.#purging(purge, this.#remote.words.begin(this.#thread, url)))
  }

  #purging(purge: Purge, end: () => void): Removal {
    const send = (done: (heard: boolean) => void) => this.#remote.purge(purge, done)
    return { name: JSON.stringify(purge), send, end }
  }

  #tell(removal: Removal): void {
    if (!this.#remote.usable) return this.#missed(removal)
    removal.send((heard) => {
      if (heard) removal.end()
      else this.#missed(removal)
    })
  }

  #missed(removal: Removal): void {
    if (this.#lost.has(removal.name)) removal.end()
    else this.#lost.set(removal.name, removal)
    if (this.#lost.size > MAX_LOST) this.#forget()
    if (this.#waiting) return
    this.#waiting = true
    this.#remote.clock.after(TRIES_AGAIN_MS, () => this.#again())
  }

  #again(): void {
    this.#waiting = false
    const lost = [...this.#lost.values()]
    this.#lost.clear()
    for (const removal of lost) this.#tell(removal)
  }

  /** Too many to remember: then everything is removed. */
  #forget(): void {
    const all = this.#purging({ kind: 'all' }, this.#remote.words.begin(this.#thread, undefined))
    for (const { end } of this.#lost.values()) end()
    this.#lost.clear()
    this.#lost.set(all.name, all)
  }
}
