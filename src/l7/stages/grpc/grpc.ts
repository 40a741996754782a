import type { Exchange } from '../../exchange/exchange.ts'
import type { ResponseHead } from '../../exchange/response/response-head.ts'
import type { Stage } from '../stage.ts'
import { GO_ON, type Verdict } from '../verdict.ts'
import { answerInGrpc } from './answer-in-grpc.ts'
import { grpcTimeoutMs, isGrpc } from './grpc-status.ts'

/** The limit of a timer; a longer deadline does not matter here. */
const MAX_MS = 86_400_000

/** The deadlines of calls under way. */
const deadlines = new WeakMap<Exchange, () => void>()

/** For clients that speak gRPC: enforces their deadline, and turns errors of lb into a grpc-status. */
const grpc: Stage = {
  name: 'grpc',
  neededByErrors: true,
  skipsPlainGets: true,

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
    answerInGrpc(exchange, head, 'application/grpc')
  },

  done(exchange: Exchange): void {
    if (exchange.request.method !== 'POST') return
    deadlines.get(exchange)?.()
  }
}

export function compile(): Stage {
  return grpc
}
