import { der, TAG } from './der.ts'

/**
 * An OCSPRequest (RFC 6960 §4.1) for one certificate. It has no nonce: a stapled response is sent to many clients for
 * days, and responders precompute their answers (RFC 5019).
 */
export function ocspRequest(id: Buffer): Buffer {
  const request = der(TAG.sequence, id)
  return der(TAG.sequence, der(TAG.sequence, der(TAG.sequence, request)))
}
