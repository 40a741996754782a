import type { DownstreamStream } from '../../exchange/downstream-stream.ts'
import type { EngineContext } from '../../exchange/engine-context.ts'
import type { Exchange } from '../../exchange/exchange.ts'
import type { Request } from '../../message/request.ts'
import type { L7Snapshot } from '../../compile/l7-snapshot.ts'

/** What a client's connection needs of the engine. */
export interface DownstreamHost {
  readonly context: EngineContext
  /** The one in force; an exchange keeps the one it began with. */
  readonly snapshot: L7Snapshot
  exchange(request: Request, downstream: DownstreamStream): Exchange
  /** An exchange for what could not be read as a request: it is only there to be answered. */
  /** `head`: what came of it. */
  unreadable(downstream: DownstreamStream, head?: Buffer): Exchange
  closed(connection: object): void
}
