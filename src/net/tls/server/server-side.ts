import type { SecureContext } from 'node:tls'
import { readArea } from '../../transport/read-buffer.ts'
import type { RawHandle } from '../../transport/raw-streams.ts'
import type { RawTls, TlsHandle } from '../raw-tls.ts'

/** Settings of TLS with one client. */
export interface ServerSide {
  /** Certificates, ciphers, versions. */
  readonly context: SecureContext
  /** Protocols, each preceded by its length. */
  readonly alpn: Uint8Array | undefined
  readonly clientAuth: { readonly required: boolean } | undefined
  /**
   * A client whose certificate is not accepted is told so in an answer: OpenSSL's alert would be better, but Node has
   * OpenSSL accept every certificate and looks at the result itself, after the handshake.
   */
  readonly tellsClient: boolean
  /** An OCSP response for the certificate, for clients that ask for one. */
  readonly staple: Uint8Array | undefined
}

/** TLS on `tcp`, ready for the client's first bytes. */
export function serverHandle(raw: RawTls, tcp: RawHandle, side: ServerSide): TlsHandle {
  const tls = raw.server(tcp, side.context)
  if (side.alpn !== undefined) tls.setALPNProtocols(side.alpn)
  if (side.clientAuth !== undefined) tls.setVerifyMode(true, side.clientAuth.required)
  if (side.staple !== undefined) tls.setOCSPResponse(side.staple)
  tls.useUserBuffer(readArea)
  return tls
}

export const NO_CERTIFICATE = 'the client has presented no certificate'

/** Why a client's certificate is not accepted; a missing one is a problem only where it is required. */
export function clientProblem(tls: TlsHandle, { clientAuth }: ServerSide): Error | undefined {
  if (clientAuth === undefined) return undefined
  // A session resumed by TLS 1.3 counts as verified even if there never was a certificate.
  const shown = tls.getPeerCertificate(false)?.raw !== undefined
  if (!shown) return clientAuth.required ? new Error(NO_CERTIFICATE) : undefined
  return tls.verifyError() ?? undefined
}
