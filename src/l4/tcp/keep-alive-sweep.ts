import type { Clock } from '../../core/clock.ts'
import type { Deadlines, Waits } from '../../core/deadlines.ts'

/** Connections that end sooner never pay the four system calls that TCP keep-alive takes. */
export const KEEP_ALIVE_AFTER_MS = 30_000

interface LivesLong {
  readonly startedAt: number
  /** Has the kernel ask the backend whether it is still there; once. */
  keepAlive(): void
}

/** All of them. */
interface LivingLong {
  /** Ends where `visit` says false. */
  forEach(visit: (one: LivesLong) => boolean): void
}

/** Turns TCP keep-alive on towards the backends of connections that have lived for half a minute. */
export class KeepAliveSweep implements Waits {
  deadline = Infinity
  readonly #clock: Clock
  readonly #deadlines: Deadlines
  readonly #connections: LivingLong

  /** `connections` in the order in which they began. */
  constructor(clock: Clock, deadlines: Deadlines, connections: LivingLong) {
    this.#clock = clock
    this.#deadlines = deadlines
    this.#connections = connections
  }

  /** There is a first connection. */
  start(): void {
    this.#deadlines.add(this)
    this.deadline = this.#deadlines.now + KEEP_ALIVE_AFTER_MS
  }

  /** The last one is gone. */
  stop(): void {
    this.#deadlines.remove(this)
  }

  onDeadline(now: number): void {
    const before = this.#clock.now() - KEEP_ALIVE_AFTER_MS
    this.#connections.forEach((connection) => {
      if (connection.startedAt > before) return false
      connection.keepAlive()
      return true
    })
    this.deadline = now + KEEP_ALIVE_AFTER_MS
  }
}
