import type { DownstreamStream } from '../../exchange/downstream-stream.ts'
import type { EngineContext } from '../../exchange/engine-context.ts'
import type { beginExchange, Exchange } from '../../exchange/exchange.ts'
import type { L7Snapshot } from '../../compile/l7-snapshot.ts'

/** What a client's connection needs of the engine. */
export interface DownstreamHost {
  readonly context: EngineContext
  /** The snapshot in force; an exchange keeps the one it began with. */
  readonly snapshot: L7Snapshot
  readonly begin: typeof beginExchange
  /** An exchange for bytes that are not a valid request; it only sends the error response. */
  /** `head`: the bytes received. */
  unreadable(downstream: DownstreamStream, head?: Buffer): Exchange
  closed(connection: object): void
}
