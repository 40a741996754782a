import { randomBytes, webcrypto, X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import type * as X509 from '@peculiar/x509'
import type { CertificatePair } from '../listener-tls.ts'

export interface Authority {
  readonly certificate: CertificatePair
  readonly keys: webcrypto.CryptoKeyPair
}

const DAY_MS = 86_400_000
/** The maximum that Apple's systems accept, even from authorities that the user has installed. */
const LEAF_DAYS = 397
const AUTHORITY_DAYS = 3_650
const P256 = { name: 'ECDSA', namedCurve: 'P-256' }
const SIGNATURE = { name: 'ECDSA', hash: 'SHA-256' }

/** For development: a self-signed certificate for these names and addresses. */
export async function selfSignedCertificate(names: readonly string[], now: number): Promise<CertificatePair> {
  return leaf(names, now, undefined)
}

/** For development: an authority that can be installed on a machine. */
export async function makeAuthority(name: string, now: number): Promise<Authority> {
  const x509 = await library()
  const keys = await webcrypto.subtle.generateKey(P256, true, ['sign', 'verify'])
  const made = await x509.X509CertificateGenerator.createSelfSigned({
    ...period(now, AUTHORITY_DAYS),
    name: `CN=${name}`,
    keys,
    signingAlgorithm: SIGNATURE,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey)
    ]
  })
  return { certificate: { cert: made.toString('pem'), key: await privatePem(keys) }, keys }
}

/** Loads an authority from its PEM texts. */
export async function loadAuthority(certificate: CertificatePair): Promise<Authority> {
  const der = Buffer.from(certificate.key.replace(/-----[^-]+-----|\s/g, ''), 'base64')
  const privateKey = await webcrypto.subtle.importKey('pkcs8', der, P256, true, ['sign'])
  const spki = new X509Certificate(certificate.cert).publicKey.export({ type: 'spki', format: 'der' })
  const publicKey = await webcrypto.subtle.importKey('spki', spki, P256, true, ['verify'])
  return { certificate, keys: { privateKey, publicKey } }
}

/** A certificate signed by `authority`, followed by the authority's own. */
export async function signedCertificate(
  authority: Authority,
  names: readonly string[],
  now: number
): Promise<CertificatePair> {
  const { cert, key } = await leaf(names, now, authority)
  return { cert: `${cert}\n${authority.certificate.cert}`, key }
}

async function leaf(
  names: readonly string[],
  now: number,
  authority: Authority | undefined
): Promise<CertificatePair> {
  const x509 = await library()
  const keys = await webcrypto.subtle.generateKey(P256, true, ['sign', 'verify'])
  const common = {
    ...period(now, LEAF_DAYS),
    signingAlgorithm: SIGNATURE,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(
        names.map((value) => ({ type: isIP(value) === 0 ? ('dns' as const) : ('ip' as const), value }))
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      // RFC 5280 §4.2.1.1: which of its issuer's keys has signed it; `openssl verify -x509_strict` requires it.
      await x509.AuthorityKeyIdentifierExtension.create((authority?.keys ?? keys).publicKey)
    ]
  }
  const subject = `CN=${names[0]!}`
  const made =
    authority === undefined
      ? await x509.X509CertificateGenerator.createSelfSigned({ ...common, name: subject, keys })
      : await x509.X509CertificateGenerator.create({
          ...common,
          subject,
          issuer: new x509.X509Certificate(authority.certificate.cert).subject,
          publicKey: keys.publicKey,
          signingKey: authority.keys.privateKey
        })
  return { cert: made.toString('pem'), key: await privatePem(keys) }
}

function period(now: number, days: number) {
  // A day ago, since clocks differ.
  const notBefore = new Date(now - DAY_MS)
  return {
    notBefore,
    notAfter: new Date(notBefore.getTime() + days * DAY_MS),
    // RFC 5280 §4.1.2.2: positive, so the first byte must be below 128, and unique.
    serialNumber: `01${randomBytes(15).toString('hex')}`
  }
}

async function privatePem({ privateKey }: webcrypto.CryptoKeyPair): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', privateKey))
  const lines = der.toString('base64').match(/.{1,64}/g)!
  return `-----BEGIN PRIVATE KEY-----\n${lines.join('\n')}\n-----END PRIVATE KEY-----\n`
}

/** Loaded on first use: it is 1 MB of code. */
async function library(): Promise<typeof X509> {
  // The library needs it but does not depend on it.
  await import('reflect-metadata')
  return import('@peculiar/x509')
}
