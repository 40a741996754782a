import {
  type AsymmetricKeyDetails,
  constants,
  createHmac,
  type KeyObject,
  timingSafeEqual,
  verify
} from 'node:crypto'
import type { JwtAlgorithm } from './keys.ts'

/** What is accepted where nothing else is said of the keys of an issuer. */
export const usualAlgorithms: readonly JwtAlgorithm[] = ['RS256', 'PS256', 'ES256', 'EdDSA', 'Ed25519']

interface Algorithm {
  readonly hash: string | null
  readonly kind: 'rsa' | 'rsa-pss' | 'ec' | 'ed' | 'hmac'
  readonly curve?: string
  /** Length of the signature, where it is fixed. */
  readonly bytes?: number
}

const table: Readonly<Record<JwtAlgorithm, Algorithm>> = {
  RS256: { hash: 'sha256', kind: 'rsa' },
  RS384: { hash: 'sha384', kind: 'rsa' },
  RS512: { hash: 'sha512', kind: 'rsa' },
  PS256: { hash: 'sha256', kind: 'rsa-pss' },
  PS384: { hash: 'sha384', kind: 'rsa-pss' },
  PS512: { hash: 'sha512', kind: 'rsa-pss' },
  ES256: { hash: 'sha256', kind: 'ec', curve: 'prime256v1', bytes: 64 },
  ES384: { hash: 'sha384', kind: 'ec', curve: 'secp384r1', bytes: 96 },
  ES512: { hash: 'sha512', kind: 'ec', curve: 'secp521r1', bytes: 132 },
  EdDSA: { hash: null, kind: 'ed' },
  // RFC 9864: EdDSA of one curve.
  Ed25519: { hash: null, kind: 'ed', curve: 'ed25519', bytes: 64 },
  Ed448: { hash: null, kind: 'ed', curve: 'ed448', bytes: 114 },
  HS256: { hash: 'sha256', kind: 'hmac', bytes: 32 },
  HS384: { hash: 'sha384', kind: 'hmac', bytes: 48 },
  HS512: { hash: 'sha512', kind: 'hmac', bytes: 64 }
}

/** RFC 7518 §3.3: shorter ones are refused. */
const MIN_RSA_BITS = 2048

/** Whether a key may be used with this algorithm: kind, curve and size. A public key never fits HS256. */
export function fits(key: KeyObject, name: JwtAlgorithm): boolean {
  const { kind, curve } = table[name]
  if (kind === 'hmac') return key.type === 'secret'
  if (key.type !== 'public') return false
  const { asymmetricKeyType: type, asymmetricKeyDetails: details = {} } = key
  switch (kind) {
    case 'rsa':
      return type === 'rsa' && isStrong(details)
    case 'rsa-pss':
      return (type === 'rsa' || type === 'rsa-pss') && isStrong(details)
    case 'ec':
      return type === 'ec' && details.namedCurve === curve
    case 'ed':
      return curve === undefined ? type === 'ed25519' || type === 'ed448' : type === curve
  }
}

/** With the exponent 1 every text is its own signature, and no even one has an inverse (RFC 8017 §3.1). */
function isStrong({ modulusLength = 0, publicExponent = 0n }: AsymmetricKeyDetails): boolean {
  return modulusLength >= MIN_RSA_BITS && publicExponent > 1n && publicExponent % 2n === 1n
}

/** Whether a key that its issuer keeps for `of` may be used with `name`: EdDSA is another name of two (RFC 9864 §2.2). */
export function isFor(of: string, name: JwtAlgorithm): boolean {
  return of === name || (table[name].kind === 'ed' && (of === 'EdDSA' || name === 'EdDSA') && /^Ed/.test(of))
}

/** `key` must fit `name`. */
export function isSigned(name: JwtAlgorithm, key: KeyObject, data: Buffer, signature: Buffer): boolean {
  const { hash, kind, bytes } = table[name]
  if (bytes !== undefined && signature.length !== bytes) return false
  switch (kind) {
    case 'hmac':
      return timingSafeEqual(createHmac(hash!, key).update(data).digest(), signature)
    case 'rsa':
      return verify(hash, data, { key, padding: constants.RSA_PKCS1_PADDING }, signature)
    case 'rsa-pss': {
      const saltLength = constants.RSA_PSS_SALTLEN_DIGEST
      return verify(hash, data, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength }, signature)
    }
    case 'ec':
      // Some libraries accepted r = s = 0 for any text (CVE-2022-21449).
      return !isHalfZero(signature) && verify(hash, data, { key, dsaEncoding: 'ieee-p1363' }, signature)
    case 'ed':
      return verify(null, data, key, signature)
  }
}

function isHalfZero(signature: Buffer): boolean {
  const half = signature.length / 2
  return [signature.subarray(0, half), signature.subarray(half)].some((part) =>
    part.every((byte) => byte === 0)
  )
}
