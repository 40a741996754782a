import type { ErrorCode } from '../../../core/errors.ts'
import type { DownstreamStream } from '../../exchange/downstream-stream.ts'
import type { EngineContext } from '../../exchange/engine-context.ts'
import type { Exchange } from '../../exchange/exchange.ts'
import type { ErrorAnswer } from '../../headers/error-answer.ts'
import type { Request } from '../../message/request.ts'
import type { Snapshot } from '../../compile/snapshot.ts'
import type { DownstreamConnection } from './downstream-connection.ts'

/** What a client's connection needs of the engine. */
export interface DownstreamHost {
  readonly context: EngineContext
  /** The one in force; an exchange keeps the one it began with. */
  readonly snapshot: Snapshot
  exchange(request: Request, downstream: DownstreamStream): Exchange
  begin(exchange: Exchange): void
  /** The answer to what could not be read as a request; tells log and metrics. */
  refusal(connection: DownstreamConnection, code: ErrorCode, reason: string): ErrorAnswer
  closed(connection: DownstreamConnection): void
}
