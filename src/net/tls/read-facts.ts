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
    serverName: (tls.getServername() || undefined)?.toLowerCase(),
    alpn: tls.getALPNNegotiatedProtocol() || undefined,
    resumed: tls.isSessionReused(),
    clientCertificate: raw && clientCertificate(raw),
    // Node adds advice for its own users behind OpenSSL's words.
    clientProblem: problem?.message.split(';', 1)[0]
  }
}

/** The same for a connection to a backend. */
export function factsOfSocket(socket: TLSSocket): TlsFacts {
  // @types/node calls it a string.
  const serverName = (socket as { servername?: string | false | null }).servername
  return {
    version: socket.getProtocol() ?? '',
    cipher: socket.getCipher()?.name ?? '',
    serverName: serverName ? serverName.toLowerCase() : undefined,
    alpn: socket.alpnProtocol || undefined,
    resumed: socket.isSessionReused(),
    clientCertificate: undefined,
    clientProblem: undefined
  }
}

export function clientCertificate(raw: Buffer): ClientCertificate {
  const certificate = new X509Certificate(raw)
  const subject = distinguishedName(certificate.subject)
  return {
    subject,
    issuer: distinguishedName(certificate.issuer),
    commonName: commonName(certificate.subject),
    subjectAltNames: altNames(certificate.subjectAltName ?? ''),
    fingerprint: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
    serial: certificate.serialNumber.toLowerCase(),
    notAfter: Date.parse(certificate.validTo),
    raw
  }
}

/**
 * Of a name as Node writes it. Undefined where there are several: in Active Directory `CN=Users` stands beside that of the
 * user, and is the same for all.
 */
export function commonName(lines: string | undefined): string | undefined {
  // Node joins the attributes of one part by " + "; within a value a plus and line breaks are escaped.
  const [only, ...more] = (lines ?? '').matchAll(/(?:^|\n| \+ )CN=((?:\\.|[^\\+\n])*?)(?= \+ |\n|$)/g)
  return more.length > 0 ? undefined : only?.[1]
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
    .replace(/[^ -~]/gu, escapedBytes)
}

function escapedBytes(character: string): string {
  return [...Buffer.from(character)]
    .map((byte) => `\\${byte.toString(16).toUpperCase().padStart(2, '0')}`)
    .join('')
}

/** A name as an operator may write it, in the form in which names are compared: blanks around separators do not count. */
export function comparableName(name: string): string {
  // What follows a backslash is no separator: `CN=a\\ ,O=b` ends in a blank, and `CN=a\\, b` is one part.
  return name
    .replace(/(\\[^])|[ \t]*([,+])[ \t]*/g, (whole, escaped: string | undefined, separator: string) =>
      escaped === undefined ? separator : whole
    )
    .replace(/[^ -~]/gu, escapedBytes)
}
