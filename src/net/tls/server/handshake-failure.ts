/** Why a handshake failed; the values of `reason` in lb_tls_handshake_failures_total. */
export type FailureReason =
  | 'timeout'
  | 'client-gone'
  | 'http'
  | 'not-tls'
  | 'version'
  | 'cipher'
  | 'alpn'
  | 'client-certificate'
  | 'refused-by-client'
  | 'challenge'
  | 'protocol'
  | 'internal'

/** Parts of the codes of OpenSSL and Node (ERR_SSL_…). The first match counts. */
const BY_CODE: readonly (readonly [part: RegExp, reason: FailureReason])[] = [
  [/^(ECONNRESET|EPIPE|ECANCELED)$/, 'client-gone'],
  [/HTTP_REQUEST|HTTPS_PROXY_REQUEST/, 'http'],
  [/PEER_DID_NOT_RETURN_A_CERTIFICATE|CERTIFICATE_VERIFY_FAILED/, 'client-certificate'],
  [/ALERT/, 'refused-by-client'],
  [/NO_APPLICATION_PROTOCOL/, 'alpn'],
  [/UNSUPPORTED_PROTOCOL|VERSION_TOO_LOW|WRONG_VERSION|WRONG_SSL_VERSION|INAPPROPRIATE_FALLBACK/, 'version'],
  [/NO_SHARED|NO_SUITABLE|NO_CIPHERS|UNSUPPORTED_ELLIPTIC_CURVE/, 'cipher']
]

export function failureReason(error: NodeJS.ErrnoException): FailureReason {
  const { code } = error
  if (code === undefined) return 'protocol'
  // Codes of X509_verify_cert come without ERR_: CERT_HAS_EXPIRED, UNABLE_TO_GET_ISSUER_CERT …
  if (/^(CERT|CRL|UNABLE_TO|DEPTH_ZERO|SELF_SIGNED|INVALID_(CA|PURPOSE)|PATH_LENGTH|ERROR_IN)/.test(code))
    return 'client-certificate'
  return BY_CODE.find(([part]) => part.test(code))?.[1] ?? 'protocol'
}
