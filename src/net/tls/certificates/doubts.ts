import type { X509Certificate } from 'node:crypto'
import { dayOf } from './words.ts'

const SERVER_AUTH = '1.3.6.1.5.5.7.3.1'
const ANY_USAGE = '2.5.29.37.0'
/** Object identifiers in DER of signatures that clients refuse: SHA-1 with RSA and with ECDSA, MD5 with RSA. */
const WEAK_SIGNATURES = ['06092a864886f70d010105', '06072a8648ce3d0401', '06092a864886f70d010104'].map(
  (hex) => Buffer.from(hex, 'hex')
)
const CURVES = new Set(['prime256v1', 'secp384r1', 'secp521r1'])

/**
 * What makes clients refuse a certificate that OpenSSL itself accepts, one sentence each. `chain` begins with the site's own
 * certificate. Pure.
 */
export function doubtsOf(chain: readonly X509Certificate[], now: number): string[] {
  const [leaf, ...issuers] = chain
  const doubts: string[] = []
  if (leaf!.subjectAltName === undefined)
    doubts.push(
      'it names no host (subjectAltName), and clients do not look at CN any more; have it signed again with its names'
    )
  const usage = leaf!.keyUsage as readonly string[] | undefined
  if (usage !== undefined && !usage.includes(SERVER_AUTH) && !usage.includes(ANY_USAGE))
    doubts.push('it is not for servers (extended key usage without serverAuth), so clients refuse it')
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = leaf!.publicKey
  if (type === 'dsa' || (type === 'ec' && !CURVES.has(details?.namedCurve ?? '')))
    doubts.push(
      `no client takes its kind of key (${details?.namedCurve ?? type}); make one on P-256, or RSA of 2,048 bits`
    )
  if (type === 'ed25519' || type === 'ed448')
    doubts.push(
      `browsers do not take its kind of key (${type}); put one on P-256 or RSA beside it, or in its place`
    )
  for (const [i, certificate] of chain.entries()) {
    // What a root is signed with does not matter.
    if (certificate.issuer === certificate.subject && i > 0) continue
    if (WEAK_SIGNATURES.some((id) => certificate.raw.includes(id)))
      doubts.push(
        `certificate ${i + 1} of the file is signed with SHA-1 or MD5, so clients refuse it; have it signed again`
      )
  }
  for (const [i, issuer] of issuers.entries()) {
    const until = Date.parse(issuer.validTo)
    if (until > now) continue
    doubts.push(
      `certificate ${i + 2} of the file, that of its issuer, expired on ${dayOf(until)}; append the current one`
    )
  }
  return doubts
}
