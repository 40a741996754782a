import type { Backend } from '../../balancer/pool/backend.ts'
import type { ErrorCode } from '../../core/errors.ts'
import type { EndReason, RefusedReason } from '../l4-metrics.ts'

export interface ConnectionEnd {
  readonly reason: EndReason
  /** Set where something failed. */
  readonly code: ErrorCode | undefined
  /** False for what breaks off as many protocols do at their end: worth a line, but no warning. */
  readonly failed: boolean
  readonly refused: RefusedReason | undefined
  readonly backend: Backend | undefined
  readonly error: Error | undefined
}

/** Somebody went away, or was sent away in good order. */
export const unremarkable = {
  code: undefined,
  failed: false,
  refused: undefined,
  backend: undefined,
  error: undefined
} as const

/** The error code of a splice's end, for those that are failures. */
export function endCode(reason: EndReason): ErrorCode | undefined {
  if (reason === 'upstream-reset') return 'LB_UPSTREAM_RESET'
  if (reason === 'internal') return 'LB_INTERNAL'
  if (reason === 'client-reset') return 'LB_CLIENT_GONE'
  return reason === 'idle' || reason === 'half-close-timeout' ? 'LB_IDLE' : undefined
}
