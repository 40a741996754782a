import type { Backend } from '../../balancer/pool/backend.ts'
import { type Contained, guarded, nextTurn } from '../../core/containment.ts'
import { Roster, type Seats } from '../../core/roster.ts'

/** Requests that are ended in one turn of the event loop: to try one elsewhere takes about 20 µs. */
const ENDED_PER_TURN = 50

/** A request at a backend, or a tunnel to one. */
export interface AtBackend extends Contained {
  /** Its seat in the roster. Written by that only. */
  seat: number
  /** The backend that it is at now. */
  readonly at: Backend | undefined
  /** Probes found that backend down. */
  onBackendDown(): void
}

const seats: Seats<AtBackend> = {
  get: ({ seat }) => seat,
  set(one, at) {
    one.seat = at
  }
}

/** What of this thread is at a backend of a pool with `onDown: close`, tunnels included. Other pools are not in here. */
export class Underway {
  readonly #all = new Roster<AtBackend>(seats)

  get size(): number {
    return this.#all.size
  }

  enter(one: AtBackend): void {
    this.#all.add(one)
  }

  leave(one: AtBackend): void {
    this.#all.delete(one)
  }

  /** Probes found the backend `pool/name` down. Returns how many are there. */
  backendDown(key: string): number {
    const there = this.#all.toArray().filter(({ at }) => at?.key === key)
    const { length } = there
    this.#endSome(there, key)
    return length
  }

  #endSome(there: AtBackend[], key: string): void {
    for (const one of there.splice(0, ENDED_PER_TURN)) {
      // Meanwhile it may be over, or have gone to another one.
      if (this.#all.has(one) && one.at?.key === key) guarded(() => one.onBackendDown(), one)
    }
    if (there.length > 0) nextTurn(() => this.#endSome(there, key))
  }
}
