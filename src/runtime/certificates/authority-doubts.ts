import type { X509Certificate } from 'node:crypto'
import { parseChain } from '../../net/tls/certificates/parse-chain.ts'
import { commonNameOf, dayOf } from '../../net/tls/certificates/words.ts'
import { subjectName } from '../../ocsp/certificate-id.ts'
import { crlIssuers } from '../../ocsp/crl-ends.ts'

/**
 * What is wrong with a file of authorities (PEM), one sentence each: what others show is refused because of it. `side`: whose
 * certificates are checked with it. Pure.
 */
export function authorityDoubts(pem: string, side: 'clients' | 'backends', now: number): string[] {
  return certificatesOf(pem).flatMap((certificate, i) => {
    const which = `certificate ${i + 1} of the file (${nameOf(certificate)})`
    const until = Date.parse(certificate.validTo)
    if (until <= now) {
      return [
        `${which} expired on ${dayOf(until)}: ${side} with a certificate of it are refused; add the authority's current one`
      ]
    }
    // A self-signed certificate may be its own authority.
    if (certificate.ca || certificate.issuer === certificate.subject) return []
    return [
      `${which} is not that of an authority, so it makes no certificate of ${side} good; name that of ${commonNameOf(certificate.issuer ?? '')}`
    ]
  })
}

/** Authorities of `ca` without a revocation list in `crl` (both PEM): OpenSSL refuses all of their clients then. */
export function withoutList(ca: string, crl: string): string[] {
  let issuers: readonly Buffer[]
  try {
    issuers = crlIssuers(crl)
  } catch {
    // Told elsewhere.
    return []
  }
  return certificatesOf(ca)
    .filter(
      (certificate) => certificate.ca && !issuers.some((issuer) => issuer.equals(subjectName(certificate)))
    )
    .map((certificate) => {
      const name = nameOf(certificate)
      return `holds no revocation list of ${name}, so every client of that authority is refused; append its list`
    })
}

function certificatesOf(pem: string): X509Certificate[] {
  const chain = parseChain(pem)
  return typeof chain === 'string' ? [] : chain
}

function nameOf({ subject }: X509Certificate): string {
  return commonNameOf(subject ?? '')
}
