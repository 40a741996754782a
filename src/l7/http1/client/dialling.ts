import type { Waiter } from '../../../balancer/queue/waiter.ts'
import { contain, type Contained } from '../../../core/containment.ts'
import type { DialFailure } from '../../../net/dial/dial-failure.ts'

/** Waits for a new connection. Exactly one of the two methods is called, later. */
export interface ConnectionWaiter<Connection> extends Contained {
  onConnection(connection: Connection): void
  onConnectFailure(failure: DialFailure, reason: string): void
}

export interface ConnectAttempt {
  cancel(): void
}

/** One wait for a connection: first for room in the backend's limit, if there is none, then for the connect. */
export class Dialling<Connection extends { close(): void }> implements ConnectAttempt {
  connection: Connection | undefined
  /** The PROXY header to send first. */
  readonly preface: Buffer | undefined
  /** The wait for room in the limit. */
  wait: Waiter | undefined
  readonly #abandon: (dialling: Dialling<Connection>) => void
  #waiter: ConnectionWaiter<Connection> | undefined

  constructor(
    abandon: (dialling: Dialling<Connection>) => void,
    waiter: ConnectionWaiter<Connection>,
    preface: Buffer | undefined
  ) {
    this.preface = preface
    this.#abandon = abandon
    this.#waiter = waiter
  }

  done(connection: Connection): void {
    const waiter = this.#settle()
    if (waiter === undefined) return connection.close()
    // An error here must not end the caller, which may be in the middle of another exchange.
    try {
      waiter.onConnection(connection)
    } catch (error) {
      contain(error, waiter)
    }
  }

  failed(failure: DialFailure, reason: string): void {
    const waiter = this.#settle()
    try {
      waiter?.onConnectFailure(failure, reason)
    } catch (error) {
      contain(error, waiter)
    }
  }

  cancel(): void {
    if (this.#settle() !== undefined) this.#abandon(this)
  }

  #settle(): ConnectionWaiter<Connection> | undefined {
    const waiter = this.#waiter
    this.#waiter = undefined
    this.wait?.cancel()
    return waiter
  }
}
