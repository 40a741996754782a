import { createSecureContext } from 'node:tls'
import { formOf } from './not-pem.ts'

/** id-ce-deltaCRLIndicator (RFC 5280 §5.2.4), as DER. */
const DELTA = Buffer.from([0x06, 0x03, 0x55, 0x1d, 0x1b])

/** The revocation lists in a PEM text, one text each: Node reads the first of a text only. */
export function revocationLists(pem: string): string[] {
  return pem.match(/-----BEGIN X509 CRL-----[^-]*-----END X509 CRL-----/g) ?? []
}

/** Why these lists cannot be used; undefined: they can. */
export function whyNotLists(pem: string): string | undefined {
  const lists = revocationLists(pem)
  if (lists.length === 0) return formOf(pem, 'list') ?? 'holds no revocation list in PEM'
  for (const [i, list] of lists.entries()) {
    const which = lists.length === 1 ? 'the revocation list' : `revocation list ${i + 1} of the file`
    try {
      createSecureContext({ crl: list })
    } catch {
      return `${which} is damaged`
    }
    // OpenSSL passes over it here, and lets in whom it revokes.
    if (derOf(list).includes(DELTA))
      return `${which} is a delta list, which is not used: name the complete list of that authority`
  }
  return undefined
}

function derOf(list: string): Buffer {
  return Buffer.from(list.replace(/-----[^-]+-----/g, ''), 'base64')
}
