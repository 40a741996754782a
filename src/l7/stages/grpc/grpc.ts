import type { Exchange } from '../../exchange/exchange.ts'
import type { ResponseHead } from '../../exchange/response-head.ts'
import { UNKNOWN_LENGTH } from '../../message/body-length.ts'
import type { Stage } from '../stage.ts'
import { GO_ON, type Verdict } from '../verdict.ts'
import { grpcMessageOf, grpcStatusOf, grpcTimeoutMs, isGrpc } from './grpc-status.ts'

/** A timer takes no more; and a call that lasts a day has no deadline that matters here. */
const MAX_MS = 86_400_000
const NO_BYTES = Buffer.alloc(0)

/** Deadlines of calls under way. */
const deadlines = new WeakMap<Exchange, () => void>()

/** For clients that speak gRPC: their deadline holds here too, and errors of ours come as grpc-status. */
const grpc: Stage = {
  name: 'grpc',

  request(exchange: Exchange): Verdict {
    const { request } = exchange
    if (request.method !== 'POST') return GO_ON
    const ms = grpcTimeoutMs(request.headers.first('grpc-timeout'))
    if (ms === undefined || ms > MAX_MS) return GO_ON
    const late = (): void => exchange.fail('LB_RESPONSE_TIMEOUT', 'grpc-timeout has passed')
    deadlines.set(exchange, exchange.after(ms, late))
    return GO_ON
  },

  explain: () => ({ verdict: GO_ON }),

  response(exchange: Exchange, head: ResponseHead): void {
    if (head.source !== 'error' || exchange.request.method !== 'POST') return
    if (!isGrpc(exchange.request.headers.first('content-type'))) return
    const { errorCode } = exchange
    const status = grpcStatusOf(errorCode, head.status)
    exchange.addLogField('grpcStatus', status)
    head.status = 200
    head.replaceBody(NO_BYTES, 'application/grpc')
    // Trailers alone (gRPC over HTTP/2, "Trailers-Only"): the head is all there is.
    head.length = UNKNOWN_LENGTH
    head.headers.set('grpc-status', String(status))
    head.headers.set('grpc-message', grpcMessageOf(errorCode))
  },

  done(exchange: Exchange): void {
    if (exchange.request.method !== 'POST') return
    deadlines.get(exchange)?.()
  }
}

export function compile(): Stage {
  return grpc
}
