import { X509Certificate } from 'node:crypto'
import type { TLSSocket } from 'node:tls'
import type { TlsHandle } from './raw-tls.ts'
import type { ClientCertificate, TlsFacts } from './tls-facts.ts'

/** After the handshake; `verified`: the client's certificate, if there is one, is to be believed. */
export function factsOfHandle(tls: TlsHandle, verified: boolean): TlsFacts {
  const raw = verified ? tls.getPeerCertificate(false)?.raw : undefined
  return {
    version: tls.getProtocol() ?? '',
    cipher: tls.getCipher()?.name ?? '',
    serverName: tls.getServername() || undefined,
    alpn: tls.getALPNNegotiatedProtocol() || undefined,
    resumed: tls.isSessionReused(),
    clientCertificate: raw && clientCertificate(raw)
  }
}

/** The same of a TLSSocket of a server. */
export function factsOfSocket(socket: TLSSocket): TlsFacts {
  // @types/node calls it a string.
  const serverName = (socket as { servername?: string | false | null }).servername
  const peer = socket.authorized ? (socket.getPeerCertificate(false) as { raw?: Buffer } | null) : undefined
  return {
    version: socket.getProtocol() ?? '',
    cipher: socket.getCipher()?.name ?? '',
    serverName: serverName ? serverName.toLowerCase() : undefined,
    alpn: socket.alpnProtocol || undefined,
    resumed: socket.isSessionReused(),
    clientCertificate: peer?.raw && clientCertificate(peer.raw)
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

/** Node gives one part a line, the most general first. RFC 4514 §2.1: the last comes first; §2.4: some characters are escaped. */
function distinguishedName(lines: string | undefined): string {
  return (lines ?? '')
    .split('\n')
    .filter((line) => line !== '')
    .reverse()
    .map((line) => {
      const at = line.indexOf('=')
      return line.slice(0, at + 1) + escaped(line.slice(at + 1))
    })
    .join(',')
}

function escaped(value: string): string {
  return value.replace(/[\\",+;<>]/g, '\\$&').replace(/^[ #]|(?<!\\) $/g, '\\$&')
}

/** Node joins them by ", " and quotes those that hold such a thing as JSON does. */
export function altNames(text: string): string[] {
  const names: string[] = []
  for (const match of text.matchAll(/(?:^|, )([^:,]+):(?:("(?:[^"\\]|\\.)*")|([^,]*))/g)) {
    const [, kind, quoted, plain] = match
    const value = quoted === undefined ? plain! : (JSON.parse(quoted) as string)
    names.push(`${kind === 'IP Address' ? 'IP' : kind!}:${value}`)
  }
  return names
}
