import type { Outcome } from '../../../balancer/pool/lease.ts'

/**
 * Status codes that count as failures of the backend: INTERNAL, UNAVAILABLE, DATA_LOSS. All others are answers of the
 * application.
 */
const FAILURES = new Set(['13', '14', '15'])

export const GRPC_UNAVAILABLE = '14'

/** The grpc-status among trailer lines, undefined without one. */
export function trailingGrpcStatus(trailers: string): string | undefined {
  if (trailers === '') return undefined
  return /(?:^|\n)grpc-status:[ \t]*(\d{1,9})\r/i.exec(trailers)?.[1]
}

/** What the balancer hears of a call that ended so; `otherwise`: what its HTTP status says. */
export function grpcOutcome(status: string | undefined, otherwise: Outcome): Outcome {
  return status !== undefined && FAILURES.has(status) ? 'bad-status' : otherwise
}
