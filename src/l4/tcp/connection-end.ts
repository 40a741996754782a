import type { Backend } from '../../balancer/pool/backend.ts'
import type { ErrorCode } from '../../core/errors.ts'
import type { HandshakeFailed } from '../../net/tls/server/handshake-failure.ts'
import type { EndReason, RefusedReason } from '../l4-metrics.ts'
import type { Connected } from './connected.ts'
import type { SpliceEnd } from './splice.ts'

export interface ConnectionEnd {
  readonly reason: EndReason
  /** The error code; undefined for an end in good order. */
  readonly code: ErrorCode | undefined
  /** False: many protocols end by breaking off like this, so it is logged, but not as a warning. */
  readonly failed: boolean
  readonly refused: RefusedReason | undefined
  readonly backend: Backend | undefined
  readonly error: Error | undefined
  /** It happens all day, without anybody's fault: only `debug` and the access log have it. */
  readonly ordinary?: boolean
}

/** A side has closed its connection, or lb has closed it in good order. */
export const unremarkable = {
  code: undefined,
  failed: false,
  refused: undefined,
  backend: undefined,
  error: undefined
} as const

/** The handshake has failed. */
export function unsecured({ words, ordinary }: HandshakeFailed): ConnectionEnd {
  return {
    ...{ reason: 'refused', code: 'LB_TLS_HANDSHAKE', refused: 'tls', failed: true },
    ...{ backend: undefined, error: new Error(words), ordinary }
  }
}

/** The splice has ended: what it was connected to is given back. */
export function relayed({ reason, error }: SpliceEnd, connected: Connected, now: number): ConnectionEnd {
  const { backend } = connected
  const failed = reason === 'upstream-reset' && connected.failedAtOnce(now)
  connected.release(failed ? 'reset' : 'ok')
  return { reason, code: endCode(reason), failed, refused: undefined, backend, error }
}

/** The error code of a splice's end, for those that are failures. */
function endCode(reason: EndReason): ErrorCode | undefined {
  if (reason === 'upstream-reset') return 'LB_UPSTREAM_RESET'
  if (reason === 'internal') return 'LB_INTERNAL'
  if (reason === 'client-reset') return 'LB_CLIENT_GONE'
  return reason === 'idle' || reason === 'half-close-timeout' ? 'LB_IDLE' : undefined
}
