import { der, TAG } from './der.ts'

/**
 * An OCSPRequest (RFC 6960 §4.1) for one certificate. Without a nonce: what is stapled is shown to many, for days, and
 * responders keep their answers ready (RFC 5019).
 */
export function ocspRequest(id: Buffer): Buffer {
  const request = der(TAG.sequence, id)
  return der(TAG.sequence, der(TAG.sequence, der(TAG.sequence, request)))
}
