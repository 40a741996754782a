import { X509Certificate } from 'node:crypto'
import { library } from '../order/library.ts'

/** The identifier of a certificate by RFC 9773 §4.1; undefined when it does not name its issuer's key. */
export async function certId(pem: string): Promise<string | undefined> {
  const x509 = await library()
  const leaf = new X509Certificate(pem)
  const made = new x509.X509Certificate(leaf.raw)
  const { keyId } = made.getExtension(x509.AuthorityKeyIdentifierExtension) ?? {}
  if (keyId === undefined) return undefined
  const serial = leaf.serialNumber.length % 2 === 0 ? leaf.serialNumber : `0${leaf.serialNumber}`
  // As in DER: a number whose first bit is set has a zero byte before it.
  const signed = Number.parseInt(serial.slice(0, 2), 16) > 127 ? `00${serial}` : serial
  return [keyId, signed].map((hex) => Buffer.from(hex, 'hex').toString('base64url')).join('.')
}
