import type { Confirmations } from './confirm/confirmations.ts'
import { Flight } from './flight.ts'
import type { Purge } from '../../l7/cache/ports.ts'
import type { RemoteCache } from './remote-cache.ts'

const MAX_LOST = 1024
const TRIES_AGAIN_MS = 250

interface Removal {
  /** Equal for equal removals. */
  readonly name: string
  /** `ask`: what the other instances confirm it by. */
  readonly send: (ask: string | undefined, done: (heard: boolean) => void) => void
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
  readonly #confirmations: Confirmations | undefined
  readonly #lost = new Map<string, Removal>()
  /** Those for whose end somebody may wait. */
  readonly #flights = new Set<Flight>()
  #waiting = false

  constructor(remote: RemoteCache, thread: number, confirmations?: Confirmations) {
    this.#remote = remote
    this.#thread = thread
    this.#confirmations = confirmations
    const left = remote.words.leftBy(thread)
    // It is not known which ones they were.
    if (left !== undefined) this.#tell(this.#purging({ kind: 'all' }, left))
  }

  remove(key: string): void {
    const end = this.#remote.words.begin(this.#thread, key)
    this.#tell({ name: `key ${key}`, send: (ask, done) => this.#remote.remove(key, ask, done), end })
  }

  purge(purge: Purge): void {
    const url = purge.kind === 'url' && purge.values.length === 1 ? purge.values[0] : undefined
    this.#tell(this.#purging(purge, this.#remote.words.begin(this.#thread, url)))
  }

  /** See `CacheStore.whenRemoved`. */
  whenRemoved(known: () => void): boolean {
    let left = this.#flights.size
    for (const flight of this.#flights) {
      flight.onEnd(() => {
        if (--left === 0) known()
      })
    }
    return left > 0
  }

  #purging(purge: Purge, end: () => void): Removal {
    const send: Removal['send'] = (ask, done) => this.#remote.purge(purge, ask, done)
    return { name: JSON.stringify(purge), send, end }
  }

  #tell(removal: Removal): void {
    if (!this.#remote.reachable) return this.#missed(removal)
    const flight = new Flight(this.#remote, this.#confirmations, () => this.#flights.delete(flight))
    // It goes out all the same, and is executed when Redis comes back to itself.
    if (!this.#remote.hangs) this.#flights.add(flight)
    removal.send(flight.ask, (heard) => {
      if (heard) removal.end()
      else this.#missed(removal)
      flight.heard(heard)
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
