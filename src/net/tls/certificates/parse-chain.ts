import { X509Certificate } from 'node:crypto'
import { formOf } from './not-pem.ts'

/** What is wrong between BEGIN and END. `message` is OpenSSL's. */
export function brokenPem(pem: string, message: string): string {
  if (!/-----BEGIN [^-\r\n]+-----[ \t]*\r?\n/.test(pem))
    return 'the line breaks are missing; BEGIN, END and every 64 characters have a line of their own'
  const label = /-----BEGIN ([^-\r\n]+)-----/.exec(pem)?.[1]
  if (label !== undefined && !pem.includes(`-----END ${label}-----`))
    return `the line "-----END ${label}-----" is missing`
  return `what is between BEGIN and END is damaged; copy it again (${message})`
}

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
    if (/-----BEGIN (TRUSTED )?CERTIFICATE-----/.test(pem))
      return 'ends in the middle of a certificate; copy it again, whole'
    return formOf(pem, 'certificate') ?? 'no certificate in PEM form'
  }
  try {
    return blocks.map((block) => new X509Certificate(block))
  } catch (error) {
    return (
      formOf(pem, 'certificate') ?? `no certificate in PEM form: ${brokenPem(pem, (error as Error).message)}`
    )
  }
}
