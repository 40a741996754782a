import type { ErrorCode } from '../../core/errors.ts'
import type { DownstreamStream } from '../downstream-stream.ts'
import type { EngineContext } from '../engine-context.ts'
import type { Exchange } from '../exchange.ts'
import type { ErrorAnswer } from '../headers/error-answer.ts'
import type { Request } from '../request.ts'
import type { Snapshot } from '../snapshot.ts'
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
