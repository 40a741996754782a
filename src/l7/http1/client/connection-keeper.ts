import type { Deadlines } from '../../../core/deadlines.ts'

/** The pool that keeps a backend's connections. */
export interface ConnectionKeeper<Connection> {
  readonly deadlines: Deadlines
  connected(connection: Connection): void
  connectFailed(connection: Connection, error: NodeJS.ErrnoException | undefined): void
  /** Its response has ended and it may serve another request. */
  release(connection: Connection, keepAliveSeconds: number | undefined): void
  /** Closes the connection if it is idle. */
  dismiss(connection: Connection): void
  gone(connection: Connection): void
  handedOver(connection: Connection): void
}
