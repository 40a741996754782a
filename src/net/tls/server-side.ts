import type { SecureContext } from 'node:tls'
import { readArea } from '../transport/read-buffer.ts'
import type { RawHandle } from '../transport/raw-streams.ts'
import type { CertInfo, RawTls, TlsHandle } from './raw-tls.ts'

/** What one listener's TLS decides in a handshake. */
export interface ServerSide {
  /** For clients that name no server. */
  readonly context: SecureContext
  /** By server name in lower case; undefined: there is one context for all. */
  readonly choose: ((serverName: string) => SecureContext | undefined) | undefined
  /** A stapled OCSP response for the certificates chosen. */
  readonly staple: ((context: SecureContext) => Uint8Array | undefined) | undefined
  /** Protocols, each with its length before it. */
  readonly alpn: Uint8Array | undefined
  readonly clientAuth: { readonly required: boolean } | undefined
}

/** TLS over `tcp` that is ready for the client's first bytes. */
export function serverHandle(raw: RawTls, tcp: RawHandle, side: ServerSide): TlsHandle {
  const tls = raw.server(tcp, side.context)
  if (side.choose !== undefined || side.staple !== undefined) tls.enableCertCb()
  if (side.alpn !== undefined) tls.setALPNProtocols(side.alpn)
  if (side.clientAuth !== undefined) tls.setVerifyMode(true, side.clientAuth.required)
  tls.useUserBuffer(readArea)
  return tls
}

/** OpenSSL asks which certificates to show. */
export function chooseCertificate(tls: TlsHandle, side: ServerSide, info: CertInfo): void {
  const { servername, OCSPRequest } = info
  const chosen = servername ? side.choose?.(servername.toLowerCase()) : undefined
  if (chosen !== undefined) tls.sni_context = chosen.context
  const stapled = OCSPRequest === true ? side.staple?.(chosen ?? side.context) : undefined
  if (stapled !== undefined) tls.setOCSPResponse(stapled)
  tls.certCbDone()
}

/** Why a client's certificate does not do; none at all is a problem only where one is required. */
export function clientProblem(tls: TlsHandle, { clientAuth }: ServerSide): Error | undefined {
  if (clientAuth === undefined) return undefined
  // A session resumed by TLS 1.3 counts as verified although there never was a certificate.
  const shown = tls.getPeerCertificate(false)?.raw !== undefined
  if (!shown) return clientAuth.required ? new Error('the client has shown no certificate') : undefined
  return tls.verifyError() ?? undefined
}
