import type { Counter } from '../../../core/metrics/metrics.ts'

/** Why a request was not copied. */
export type Dropped = 'full' | 'timeout' | 'too-large'

/**
 * Copies of one route under way on this thread: bounded, since no client waits for them and a backend may never answer.
 */
export class Places {
  readonly #max: number
  readonly #counters: Readonly<Record<Dropped, Counter>>
  #taken = 0

  constructor(max: number, counters: Readonly<Record<Dropped, Counter>>) {
    this.#max = max
    this.#counters = counters
  }

  /** Undefined when none is free; that is counted. */
  take(): Place | undefined {
    if (this.#taken >= this.#max) return this.dropped('full')
    this.#taken++
    return new Place(this)
  }

  dropped(reason: Dropped): undefined {
    this.#counters[reason].add()
  }

  /** Called by its places. */
  given(): void {
    this.#taken--
  }
}

/** The place of one copy; given back exactly once. */
export class Place {
  #places: Places | undefined

  constructor(places: Places) {
    this.#places = places
  }

  /** `reason`: why the copy failed. */
  give(reason?: Dropped): void {
    const places = this.#places
    this.#places = undefined
    places?.given()
    if (reason !== undefined) places?.dropped(reason)
  }
}
