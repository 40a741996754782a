import type { BodyOutput, BodyTransform } from '../../exchange/body-chain.ts'
import type { Exchange } from '../../exchange/exchange.ts'
import type { ResponseHead } from '../../exchange/response/response-head.ts'
import type { Stage } from '../stage.ts'
import type { StageContext } from '../stage-context.ts'
import { CallCounts } from './call-counts.ts'
import type { GrpcMetricsKeys } from './keys.ts'
import { TrailerWatch } from './trailer-watch.ts'

/** The client closed, or lb ended the call: gRPC's own status for that. */
const CANCELLED = '1'
const INTERNAL = '13'

/** Counts calls of gRPC and gRPC-Web by service, method and status. */
class GrpcMetrics implements Stage {
  readonly name = 'grpc-metrics'
  readonly #counts: CallCounts
  /** The status of answers under way. */
  readonly #statuses = new WeakMap<Exchange, string>()

  constructor(counts: CallCounts) {
    this.#counts = counts
  }

  response(exchange: Exchange, head: ResponseHead): void {
    const status = head.headers.first('grpc-status')
    if (status !== undefined) this.#statuses.set(exchange, status)
  }

  body(exchange: Exchange, _head: ResponseHead, output: BodyOutput): BodyTransform | undefined {
    if (!isCall(exchange)) return undefined
    return new TrailerWatch(output, (status) => this.#statuses.set(exchange, status))
  }

  done(exchange: Exchange, durationMs: number): void {
    if (!isCall(exchange)) return
    const grpcStatus = this.#statuses.get(exchange) ?? exchange.logFields?.record['grpcStatus']
    const gone = exchange.errorCode === 'LB_CLIENT_GONE'
    const status = grpcStatus === undefined ? (gone ? CANCELLED : INTERNAL) : String(grpcStatus)
    // A path that no backend has answered may be invented by a client.
    const known = exchange.backend !== undefined && exchange.errorCode === undefined
    this.#counts.count(exchange.path, status, durationMs / 1e3, known)
  }
}

function isCall({ request }: Exchange): boolean {
  return request.method === 'POST' && /^application\/grpc/i.test(request.headers.first('content-type') ?? '')
}

export function compile(keys: GrpcMetricsKeys, { engine, listener, route }: StageContext): Stage | undefined {
  if (route === undefined) return undefined
  return new GrpcMetrics(CallCounts.of(engine.metrics, listener.name, keys.methods))
}
