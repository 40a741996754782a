import { errorKind, type ErrorCode } from '../../core/errors.ts'

/**
 * Value of Proxy-Status (RFC 9209) for an error that lb made: what happened by its registered type, and our code.
 * Nothing of the inside: no backend, no address. Undefined for codes that are never answered.
 */
export function proxyStatus(code: ErrorCode): string | undefined {
  const error = errorKind(code).proxyStatus
  return error === undefined ? undefined : `lb; error=${error}; details="${code}"`
}
