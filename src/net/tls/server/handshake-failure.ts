import type { SocketName, Transport } from '../../transport/transport.ts'
import { ClientHelloReader } from '../client-hello.ts'
import { plainMessage } from '../tls-reason.ts'

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

export interface HandshakeFailed {
  readonly reason: FailureReason
  readonly error: Error
  /** The reason in words, with what OpenSSL said. */
  readonly words: string
  /** It happens all day, without anybody's fault. */
  readonly ordinary: boolean
  readonly peer: SocketName | undefined
  /** That the client asked for, if its ClientHello has come. */
  readonly serverName: string | undefined
  /** Present with reason `http`: still open, for an answer in clear text. Otherwise everything is closed. */
  readonly clear: Transport | undefined
}

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

/** What an operator is told first; what OpenSSL said follows in parentheses. */
const WORDS: Readonly<Record<FailureReason, string>> = {
  timeout: 'no handshake in time',
  'client-gone': 'the client left in the handshake',
  http: 'HTTP in clear text',
  'not-tls': 'the client does not speak TLS',
  version: 'no version of TLS in common, see minVersion',
  cipher: 'no cipher, curve or kind of signature in common, see ciphers',
  alpn: 'no protocol in common (ALPN), see protocols',
  'client-certificate': "the client's certificate is not accepted",
  'refused-by-client': 'the client ended it',
  challenge: 'the validation of a name by its authority',
  protocol: 'what the client sent is no handshake of TLS',
  internal: 'a fault of lb'
}

/** Bytes that are of no protocol that is known. */
export const NO_TLS = 'no TLS'

/** Bound for what OpenSSL says. */
const MAX_CAUSE = 200

function failureWords(reason: FailureReason, error: Error, sent: boolean): string {
  const words = WORDS[reason]
  // Node adds advice for its own users behind OpenSSL's words.
  const said = plainMessage(error).split(';', 1)[0]!.slice(0, MAX_CAUSE)
  if (reason === 'client-gone' && sent)
    return `${words} without a word, as those do that do not trust the certificate`
  if (reason === 'not-tls' && error.message !== NO_TLS) return said
  return said === words || reason === 'client-gone' ? words : `${words} (${said})`
}

/**
 * Whether only `debug` has a line: those that look whether the port is open, and browsers that connect before they need it, end
 * like this all day.
 */
function isOrdinary(reason: FailureReason, sent: boolean): boolean {
  return reason === 'challenge' || (!sent && (reason === 'client-gone' || reason === 'timeout'))
}

/** What a failure is told with. `first`: what has come of the ClientHello. */
export function handshakeFailed(
  reason: FailureReason,
  error: Error,
  transport: Transport,
  first: Buffer | undefined
): HandshakeFailed {
  const hello = first === undefined ? 'more' : new ClientHelloReader().push(first, 0, first.length)
  return {
    ...{ reason, error, words: failureWords(reason, error, first !== undefined) },
    ordinary: isOrdinary(reason, first !== undefined),
    peer: transport.remote,
    serverName: typeof hello === 'string' ? undefined : hello.serverName,
    clear: reason === 'http' ? transport : undefined
  }
}
