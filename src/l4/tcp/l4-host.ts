import type { Backend } from '../../balancer/pool/backend.ts'
import type { ErrorCode } from '../../core/errors.ts'
import type { L4Deps } from '../deps.ts'
import type { L4Metrics } from '../l4-metrics.ts'
import type { ConnectionEnd } from './connection-end.ts'

/** The engine, as its connections see it. `Connection` is theirs: what it is told of. */
export interface L4Host<Connection> {
  readonly deps: L4Deps
  readonly metrics: L4Metrics
  /** Told once per connection, when nothing of it is left. */
  onConnectionEnd(connection: Connection, end: ConnectionEnd): void
  onAttemptFailed(connection: Connection, code: ErrorCode, backend: Backend, error: Error | undefined): void
}
