import type { Backend } from '../../balancer/pool/backend.ts'
import type { ErrorCode } from '../../core/errors.ts'
import type { L4Deps } from '../deps.ts'
import type { L4Metrics } from '../l4-metrics.ts'
import type { ConnectionEnd } from './connection-end.ts'

/** The engine, as its connections see it. `Connection` is their class. */
export interface L4Host<Connection> {
  readonly deps: L4Deps
  readonly metrics: L4Metrics
  /** Called once per connection, when all of it has been closed and given back. */
  onConnectionEnd(connection: Connection, end: ConnectionEnd): void
  onAttemptFailed(connection: Connection, code: ErrorCode, backend: Backend, error: Error | undefined): void
}
