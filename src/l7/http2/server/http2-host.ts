import type { L7Snapshot } from '../../compile/l7-snapshot.ts'
import type { DownstreamStream } from '../../exchange/downstream-stream.ts'
import type { EngineContext } from '../../exchange/engine-context.ts'
import type { beginExchange, Exchange } from '../../exchange/exchange.ts'
import type { Http2Metrics } from './http2-metrics.ts'
import type { Offenders } from './offenders.ts'

/** What a client's HTTP/2 connection needs of the engine. */
export interface Http2Host {
  readonly context: EngineContext
  /** The snapshot in force; an exchange keeps the one it began with. */
  readonly snapshot: L7Snapshot
  readonly http2: Http2Metrics
  readonly offenders: Offenders
  readonly begin: typeof beginExchange
  /** An exchange for a request that is refused; it only sends the error response. */
  unreadable(downstream: DownstreamStream): Exchange
  closed(connection: object): void
}
