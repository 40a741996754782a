import type { ErrorCode } from '../../core/errors.ts'
import { reportShortage } from '../transport/descriptors.ts'

/** The `code` of the error for a connect that took too long. */
export const CONNECT_TIMEOUT = 'LB_CONNECT_TIMEOUT'

export interface DialFailure {
  readonly code: ErrorCode
  /**
   * For the lease. `unused`: a fault of this machine (no descriptor, no port left), which says nothing about the
   * backend.
   */
  readonly outcome: 'connect-failure' | 'connect-timeout' | 'reset' | 'unused'
  /** A TLS session was offered, and is forgotten now: the same backend may be tried once more. */
  readonly again?: true
}

/** Codes of failures from node:tls and OpenSSL: of the handshake, and X.509 verification results by name. */
const TLS_CODES =
  /^(ERR_TLS|ERR_SSL|ERR_OSSL|EPROTO|CERT_|CRL_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|HOSTNAME_|INVALID_)/
const EXHAUSTED = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM'])
const NO_PORT = new Set(['EADDRNOTAVAIL', 'EADDRINUSE'])

const refused: DialFailure = { code: 'LB_CONNECT_FAILED', outcome: 'connect-failure' }
const timedOut: DialFailure = { code: 'LB_CONNECT_TIMEOUT', outcome: 'connect-timeout' }
const tls: DialFailure = { code: 'LB_UPSTREAM_TLS', outcome: 'connect-failure' }
/** Of handshakes: the other side ended it, with an alert or without. */
const ENDED = /^(ECONNRESET|EPIPE|EPROTO|ERR_SSL_.*)$/
const withSession = new WeakSet<Error>()
const reset: DialFailure = { code: 'LB_UPSTREAM_RESET', outcome: 'reset' }
const exhausted: DialFailure = { code: 'LB_EXHAUSTED', outcome: 'unused' }
const noPort: DialFailure = { code: 'LB_NO_PORT', outcome: 'unused' }

/** The meaning of the error in `onClose` of a connection to a backend; `connected`: `onConnect` had been called. */
export function dialFailure(error: NodeJS.ErrnoException | undefined, connected: boolean): DialFailure {
  if (connected) return reset
  const code = error?.code
  if (code === undefined) return refused
  if (code === CONNECT_TIMEOUT || code === 'ETIMEDOUT') return timedOut
  if (EXHAUSTED.has(code)) {
    // That of EMFILE has been reported where the reserve was kept.
    if (code !== 'EMFILE') reportShortage(code)
    return exhausted
  }
  if (NO_PORT.has(code)) return noPort
  const meaning = TLS_CODES.test(code) ? tls : refused
  return withSession.has(error!) && ENDED.test(code) ? { ...meaning, again: true } : meaning
}

/** The connection that ended with `error` had offered a TLS session to the backend. */
export function offeredSession(error: Error): void {
  withSession.add(error)
}
