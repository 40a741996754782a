import { X509Certificate } from 'node:crypto'
import type { TLSSocket } from 'node:tls'
import { altNames } from './certificates/alt-names.ts'
import type { TlsHandle } from './raw-tls.ts'
import type { ClientCertificate, TlsFacts } from './tls-facts.ts'

/**
 * Called after the handshake; `verified`: the client's certificate, if there is one, has been verified; `problem`: why the
 * connection may only be told that it is not accepted.
 */
export function factsOfHandle(tls: TlsHandle, verified: boolean, problem: Error | undefined): TlsFacts {
  const raw = verified ? tls.getPeerCertificate(false)?.raw : undefined
  return {
    version: tls.getProtocol() ?? '',
    cipher: tls.getCipher()?.name ?? '',
    serverName: tls.getServername() || undefined,
    alpn: tls.getALPNNegotiatedProtocol() || undefined,
    resumed: tls.isSessionReused(),
    clientCertificate: raw && clientCertificate(raw),
    // Node adds advice for its own users behind OpenSSL's words.
    clientProblem: problem?.message.split(';', 1)[0]
  }
}

/** The same for a TLSSocket of a server. */
export function factsOfSocket(socket: TLSSocket, clientProblem?: string): TlsFacts {
  // @types/node calls it a string.
  const serverName = (socket as { servername?: string | false | null }).servername
  const peer = socket.authorized ? (socket.getPeerCertificate(false) as { raw?: Buffer } | null) : undefined
  return {
    version: socket.getProtocol() ?? '',
    cipher: socket.getCipher()?.name ?? '',
    serverName: serverName ? serverName.toLowerCase() : undefined,
    alpn: socket.alpnProtocol || undefined,
    resumed: socket.isSessionReused(),
    clientCertificate: peer?.raw && clientCertificate(peer.raw),
    clientProblem
  }
}

export function clientCertificate(raw: Buffer): ClientCertificate {
  const certificate = new X509Certificate(raw)
  const subject = distinguishedName(certificate.subject)
  return {
    subject,
    issuer: distinguishedName(certificate.issuer),
    commonName: /^CN=(.*)$/m.exec(certificate.subject ?? '')?.[1],
    subjectAltNames: altNames(certificate.subjectAltName ?? ''),
    fingerprint: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
    serial: certificate.serialNumber.toLowerCase(),
    notAfter: Date.parse(certificate.validTo),
    raw
  }
}

/**
 * RFC 4514. Node writes one part per line, the most general first, with special characters escaped already. §2.1: the
 * last part comes first; §2.4: characters beyond ASCII are written as bytes, so that the name can be in a header field.
 */
export function distinguishedName(lines: string | undefined): string {
  return (lines ?? '')
    .split('\n')
    .filter((line) => line !== '')
    .reverse()
    .join(',')
    .replace(/[^ -~]/gu, (character) =>
      [...Buffer.from(character)]
        .map((byte) => `\\${byte.toString(16).toUpperCase().padStart(2, '0')}`)
        .join('')
    )
}
