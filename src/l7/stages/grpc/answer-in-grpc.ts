import type { Exchange } from '../../exchange/exchange.ts'
import type { ResponseHead } from '../../exchange/response/response-head.ts'
import { UNKNOWN_LENGTH } from '../../message/body-length.ts'
import { grpcMessageOf, grpcStatusOf } from './grpc-status.ts'

const NO_BYTES = Buffer.alloc(0)

/**
 * Turns an error of lb into a gRPC response: trailers only, in a head with status 200. `type`: the client's media type.
 */
export function answerInGrpc(exchange: Exchange, head: ResponseHead, type: string): void {
  const { errorCode } = exchange
  const status = grpcStatusOf(errorCode, head.status)
  exchange.addLogField('grpcStatus', status)
  head.status = 200
  head.replaceBody(NO_BYTES, type)
  // The head is the whole response, so it needs no length.
  head.length = UNKNOWN_LENGTH
  head.headers.set('grpc-status', String(status))
  head.headers.set('grpc-message', grpcMessageOf(errorCode))
}
