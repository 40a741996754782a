import type { Exchange } from '../../exchange/exchange.ts'
import type { ResponseHead } from '../../exchange/response/response-head.ts'
import { UNKNOWN_LENGTH } from '../../message/body-length.ts'
import { grpcMessageOf, grpcStatusOf } from './grpc-status.ts'

const NO_BYTES = Buffer.alloc(0)

/** Puts an error of ours in gRPC's words: trailers alone, in a head that says 200. `type`: as the client speaks it. */
export function answerInGrpc(exchange: Exchange, head: ResponseHead, type: string): void {
  const { errorCode } = exchange
  const status = grpcStatusOf(errorCode, head.status)
  exchange.addLogField('grpcStatus', status)
  head.status = 200
  head.replaceBody(NO_BYTES, type)
  // The head is all there is: a length would be one more thing to agree with.
  head.length = UNKNOWN_LENGTH
  head.headers.set('grpc-status', String(status))
  head.headers.set('grpc-message', grpcMessageOf(errorCode))
}
