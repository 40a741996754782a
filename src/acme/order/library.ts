import { webcrypto } from 'node:crypto'
import type * as X509 from '@peculiar/x509'

export const P256 = { name: 'ECDSA', namedCurve: 'P-256' }
export const SIGNATURE = { name: 'ECDSA', hash: 'SHA-256' }

/** Loaded on first use: it is 1 MB of code. */
export async function library(): Promise<typeof X509> {
  // The library needs it but does not depend on it.
  await import('reflect-metadata')
  return import('@peculiar/x509')
}

/** A private key in PEM form (PKCS #8) for the library. */
export async function keyPair(pem: string): Promise<webcrypto.CryptoKeyPair> {
  const der = Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ''), 'base64')
  const privateKey = await webcrypto.subtle.importKey('pkcs8', der, P256, true, ['sign'])
  const { kty, crv, x, y } = await webcrypto.subtle.exportKey('jwk', privateKey)
  const publicJwk = { kty: kty!, crv: crv!, x: x!, y: y! }
  const publicKey = await webcrypto.subtle.importKey('jwk', publicJwk, P256, true, ['verify'])
  return { privateKey, publicKey }
}
