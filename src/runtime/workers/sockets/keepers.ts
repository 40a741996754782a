import type { SeatSockets } from './worker-sockets.ts'

/** A worker that accepts, for itself and for others. */
export interface Keeper {
  adopt(thread: number, left: SeatSockets): void
  release(thread: number): void
}

export interface KeptSeat {
  readonly thread: number
  readonly joined: boolean
  readonly worker: Keeper | undefined
}

/**
 * Which workers accept for dead ones: the kernel still gives the sockets of a dead worker a share of the connections,
 * which would wait until the replacement is there.
 */
export class Keepers {
  readonly #left: (thread: number) => SeatSockets
  readonly #keepers = new Map<number, Keeper>()

  /** `left`: the sockets of a dead worker. */
  constructor(left: (thread: number) => SeatSockets) {
    this.#left = left
  }

  /** Call it after a worker has died or joined. `anew`: other sockets are in force. */
  look(seats: readonly KeptSeat[], anew = false): void {
    const living = seats.flatMap(({ joined, worker }) => (joined && worker !== undefined ? [worker] : []))
    for (const { thread, joined } of seats) {
      const before = this.#keepers.get(thread)
      const keeper = before !== undefined && living.includes(before) ? before : undefined
      if (joined) {
        keeper?.release(thread)
        this.#keepers.delete(thread)
      } else if (living.length > 0 && (keeper === undefined || anew)) {
        const next = keeper ?? living[thread % living.length]!
        this.#keepers.set(thread, next)
        next.adopt(thread, this.#left(thread))
      }
    }
  }
}
