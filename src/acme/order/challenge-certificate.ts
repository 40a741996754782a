import { createHash, generateKeyPairSync } from 'node:crypto'
import { isIP } from 'node:net'
import type { CertificatePair } from '../../net/tls/listener-tls.ts'
import { keyPair, library, SIGNATURE } from './library.ts'

const DAY_MS = 86_400_000
/** id-pe-acmeIdentifier. */
const ACME_IDENTIFIER = '1.3.6.1.5.5.7.1.31'

/** The certificate that answers a tls-alpn-01 challenge (RFC 8737 §3). */
export async function challengeCertificate(
  name: string,
  keyAuthorization: string,
  now: number
): Promise<CertificatePair> {
  const x509 = await library()
  const made = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const key = made.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
  const hash = createHash('sha256').update(keyAuthorization).digest()
  // DER of an OCTET STRING of 32 bytes.
  const value = Buffer.concat([Buffer.from([0x04, 0x20]), hash])
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=acme challenge',
    notBefore: new Date(now - DAY_MS),
    notAfter: new Date(now + DAY_MS),
    keys: await keyPair(key),
    signingAlgorithm: SIGNATURE,
    extensions: [
      new x509.SubjectAlternativeNameExtension([{ type: isIP(name) === 0 ? 'dns' : 'ip', value: name }]),
      new x509.Extension(ACME_IDENTIFIER, true, value)
    ]
  })
  return { cert: certificate.toString('pem'), key }
}

/** The server name of a validation of this identifier (RFC 8738 §6: for addresses, the name for reverse lookups). */
export function challengeServerName(name: string): string {
  const kind = isIP(name)
  if (kind === 0) return name
  if (kind === 4) return `${name.split('.').reverse().join('.')}.in-addr.arpa`
  return `${[...wholeIpv6(name)].reverse().join('.')}.ip6.arpa`
}

/** The 32 hexadecimal digits. */
function wholeIpv6(address: string): string {
  const { hostname } = new URL(`http://[${address}]`)
  const [head = '', tail] = hostname.slice(1, -1).split('::')
  const parts = (text: string): string[] => (text === '' ? [] : text.split(':'))
  const before = parts(head)
  const after = parts(tail ?? '')
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => '0')
  const all = tail === undefined ? before : [...before, ...zeros, ...after]
  return all.map((part) => part.padStart(4, '0')).join('')
}
