import type { SecureContext } from 'node:tls'
import { readArea } from '../../transport/read-buffer.ts'
import type { RawHandle } from '../../transport/raw-streams.ts'
import type { RawTls, TlsHandle } from '../raw-tls.ts'

/** What TLS with one client is to be. */
export interface ServerSide {
  /** Certificates, ciphers, versions. */
  readonly context: SecureContext
  /** Protocols, each with its length before it. */
  readonly alpn: Uint8Array | undefined
  readonly clientAuth: { readonly required: boolean } | undefined
  /** An OCSP response for the certificate, for a client that asks for one. */
  readonly staple: Uint8Array | undefined
}

/** TLS over `tcp` that is ready for the client's first bytes. */
export function serverHandle(raw: RawTls, tcp: RawHandle, side: ServerSide): TlsHandle {
  const tls = raw.server(tcp, side.context)
  if (side.alpn !== undefined) tls.setALPNProtocols(side.alpn)
  if (side.clientAuth !== undefined) tls.setVerifyMode(true, side.clientAuth.required)
  if (side.staple !== undefined) tls.setOCSPResponse(side.staple)
  tls.useUserBuffer(readArea)
  return tls
}

/** Why a client's certificate does not do; none at all is a problem only where one is required. */
export function clientProblem(tls: TlsHandle, { clientAuth }: ServerSide): Error | undefined {
  if (clientAuth === undefined) return undefined
  // A session resumed by TLS 1.3 counts as verified although there never was a certificate.
  const shown = tls.getPeerCertificate(false)?.raw !== undefined
  if (!shown) return clientAuth.required ? new Error('the client has shown no certificate') : undefined
  return tls.verifyError() ?? undefined
}
