import type { SecureContext } from 'node:tls'
import { X509Certificate } from 'node:crypto'
import { systemClock } from '../../../core/clock.ts'
import { readArea } from '../../transport/read-buffer.ts'
import type { RawHandle } from '../../transport/raw-streams.ts'
import type { RawTls, TlsHandle } from '../raw-tls.ts'
import { keepSecret, MISSING } from './refusal-alert.ts'

/** Settings of TLS with one client. */
export interface ServerSide {
  /** Certificates, ciphers, versions. */
  readonly context: SecureContext
  /** Protocols, each preceded by its length. */
  readonly alpn: Uint8Array | undefined
  readonly clientAuth: { readonly required: boolean } | undefined
  /**
   * A client whose certificate is not accepted is told so in an answer, which says more than an alert, and which
   * browsers show.
   */
  readonly tellsClient: boolean
  /** An OCSP response for the certificate, for clients that ask for one. */
  readonly staple: Uint8Array | undefined
}

/** TLS on `tcp`, ready for the client's first bytes. */
export function serverHandle(raw: RawTls, tcp: RawHandle, side: ServerSide): TlsHandle {
  const tls = raw.server(tcp, side.context)
  if (side.alpn !== undefined) tls.setALPNProtocols(side.alpn)
  if (side.clientAuth !== undefined) {
    tls.setVerifyMode(true, side.clientAuth.required)
    if (side.clientAuth.required && !side.tellsClient) {
      tls.onkeylog = onKeyLog
      tls.enableKeylogCallback?.()
    }
  }
  if (side.staple !== undefined) tls.setOCSPResponse(side.staple)
  tls.useUserBuffer(readArea)
  return tls
}

function onKeyLog(this: TlsHandle, line: Buffer): void {
  keepSecret(this, line)
}

/** Why a client's certificate is not accepted; a missing one is a problem only where it is required. */
export function clientProblem(
  tls: Pick<TlsHandle, 'getPeerCertificate' | 'verifyError' | 'isSessionReused'>,
  { clientAuth }: Pick<ServerSide, 'clientAuth'>
): NodeJS.ErrnoException | undefined {
  if (clientAuth === undefined) return undefined
  // A session resumed by TLS 1.3 counts as verified even if there never was a certificate.
  const raw = tls.getPeerCertificate(false)?.raw
  if (raw === undefined)
    return clientAuth.required ? problem(MISSING, 'the client has presented no certificate') : undefined
  // A session keeps the result of its first handshake, and TLS 1.3 replaces it for ever.
  if (tls.isSessionReused() && Date.parse(new X509Certificate(raw).validTo) < systemClock.wall())
    return problem('CERT_HAS_EXPIRED', 'certificate has expired')
  return tls.verifyError() ?? undefined
}

function problem(code: string, message: string): NodeJS.ErrnoException {
  return Object.assign(new Error(message), { code })
}
