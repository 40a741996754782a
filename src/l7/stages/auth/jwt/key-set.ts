import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto'
import { fits } from './algorithms.ts'
import type { JwtAlgorithm } from './keys.ts'

/** One public key of an issuer. */
export interface VerifyKey {
  readonly kid: string | undefined
  readonly key: KeyObject
  /** The only one it may be used with, where its issuer says so. */
  readonly alg: string | undefined
  /** The issuer has taken it back: what it has signed proves nothing any more. Written by the source of the keys. */
  revoked: boolean
}

/** What an issuer may have at once, and how many are tried for a token that names none. */
const MAX_KEYS = 256
const MAX_TRIED = 8

/** The keys of a JWKS that can verify signatures. Throws where it is none; keys that cannot be used are left out. */
export function readKeySet(text: string): VerifyKey[] {
  const value = JSON.parse(text) as { readonly keys?: unknown } | null
  const list = value?.keys
  if (!Array.isArray(list)) throw new Error('no JWKS: there is no list "keys"')
  const keys: VerifyKey[] = []
  for (const jwk of (list as Record<string, unknown>[]).slice(0, MAX_KEYS)) {
    const key = readKey(jwk)
    if (key !== undefined) keys.push(key)
  }
  if (keys.length === 0) throw new Error('no key in it can verify signatures')
  return keys
}

function readKey(jwk: Record<string, unknown> | null): VerifyKey | undefined {
  // A secret in a public list is no secret: `oct` is left out.
  if (jwk === null || typeof jwk !== 'object' || !['RSA', 'EC', 'OKP'].includes(String(jwk['kty'])))
    return undefined
  const { use, key_ops: operations, kid, alg } = jwk
  if (use !== undefined && use !== 'sig') return undefined
  if (Array.isArray(operations) && !operations.includes('verify')) return undefined
  try {
    return {
      kid: typeof kid === 'string' ? kid : undefined,
      key: createPublicKey({ key: jwk as JsonWebKey, format: 'jwk' }),
      alg: typeof alg === 'string' ? alg : undefined,
      revoked: false
    }
  } catch {
    return undefined
  }
}

/** The keys that may have signed a token with this header, few of them. */
export function candidates(keys: readonly VerifyKey[], algorithm: JwtAlgorithm, kid: unknown): VerifyKey[] {
  return keys
    .filter(
      (each) =>
        (kid === undefined || each.kid === kid) &&
        (each.alg === undefined || each.alg === algorithm) &&
        fits(each.key, algorithm)
    )
    .slice(0, MAX_TRIED)
}

/** Marks the keys that are not in `next`; those that are keep their object, and with it what they have proven. */
export function replaceKeys(old: readonly VerifyKey[], next: readonly VerifyKey[]): VerifyKey[] {
  const kept = next.map(
    (key) =>
      old.find((each) => each.kid === key.kid && each.alg === key.alg && each.key.equals(key.key)) ?? key
  )
  for (const each of old) if (!kept.includes(each)) each.revoked = true
  return kept
}
