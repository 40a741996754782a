import { X509Certificate } from 'node:crypto'
import { formOf } from './not-pem.ts'

/** Every certificate of a PEM text, or a sentence on what is wrong with it. */
export function parseChain(pem: string): X509Certificate[] | string {
  const blocks = pem.match(
    /-----BEGIN (?:TRUSTED )?CERTIFICATE-----[\s\S]*?-----END (?:TRUSTED )?CERTIFICATE-----/g
  )
  if (blocks === null) {
    if (/-----BEGIN [\w ]*PRIVATE KEY-----/.test(pem)) return 'holds a private key and no certificate'
    if (/-----BEGIN CERTIFICATE REQUEST-----/.test(pem))
      return 'holds a request for a certificate (CSR), and no certificate'
    if (/-----BEGIN PKCS7-----/.test(pem))
      return 'is in PKCS #7 form; convert it to PEM: `openssl pkcs7 -print_certs -in FILE -out FILE.pem`'
    if (/-----BEGIN X509 CERTIFICATE-----/.test(pem))
      return 'is an old form of PEM; convert it: `openssl x509 -in FILE -out FILE.pem`'
    return formOf(pem, 'certificate') ?? 'no certificate in PEM form'
  }
  try {
    return blocks.map((block) => new X509Certificate(block))
  } catch (error) {
    return formOf(pem, 'certificate') ?? `no certificate in PEM form: ${(error as Error).message}`
  }
}
