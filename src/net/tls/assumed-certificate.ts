import { comparableName, commonName } from './read-facts.ts'
import type { ClientCertificate } from './tls-facts.ts'

/** What is said of a certificate that nobody has shown: for dry runs. */
export interface SaidCertificate {
  /** RFC 4514: `CN=alice,O=Example`. */
  readonly subject?: string | undefined
  /** `DNS:alice.example`, `URI:…`, `email:…`, `IP:…`. */
  readonly names: readonly string[]
  /** SHA-256, in hex; colons do not count. */
  readonly fingerprint?: string | undefined
}

/** The certificate as if a client had shown it, and the listener had verified it. */
export function assumedCertificate({
  subject = '',
  names,
  fingerprint = ''
}: SaidCertificate): ClientCertificate {
  // As Node has it, one part a line.
  const parts = subject.replace(
    /(\\[^])|[ \t]*([,+])[ \t]*/g,
    (whole, escaped: string | undefined, separator: string) =>
      escaped === undefined ? (separator === ',' ? '\n' : ' + ') : whole
  )
  return {
    subject: comparableName(subject),
    issuer: '',
    commonName: commonName(parts),
    subjectAltNames: names,
    fingerprint: fingerprint.replaceAll(':', '').toLowerCase(),
    serial: '',
    notAfter: Date.UTC(9999, 11, 31),
    raw: Buffer.alloc(0)
  }
}
