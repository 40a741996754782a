import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto'
import { fits, isFor } from './algorithms.ts'
import type { JwtAlgorithm } from './keys.ts'

/** One public key of an issuer. */
export interface VerifyKey {
  readonly kid: string | undefined
  readonly key: KeyObject
  /** The only algorithm it may be used with, where its issuer says so. */
  readonly alg: string | undefined
  /** Its text in the set. */
  readonly text: string
  /** The issuer has withdrawn it: its signatures prove nothing any more. Written by the source of the keys. */
  revoked: boolean
}

/** The most keys of an issuer, and the most that are tried for a token without `kid`. */
const MAX_KEYS = 1024
const MAX_TRIED = 8

/**
 * The keys of a JWKS that can verify signatures. Throws when it is not a JWKS; unusable keys are left out. Keys of
 * `old` that are unchanged are reused: parsing a thousand would block the thread for a moment each time.
 */
export function readKeySet(text: string, old: readonly VerifyKey[] = []): VerifyKey[] {
  const value = JSON.parse(text) as { readonly keys?: unknown } | null
  const list = value?.keys
  if (!Array.isArray(list)) throw new Error('not a JWKS: there is no list "keys"')
  if (list.length > MAX_KEYS) throw new Error(`it has more than ${MAX_KEYS} keys`)
  const known = new Map(old.map((key) => [key.text, key]))
  const keys: VerifyKey[] = []
  for (const jwk of list as Record<string, unknown>[]) {
    const written = JSON.stringify(jwk)
    const key = known.get(written) ?? readKey(jwk, written)
    if (key !== undefined) keys.push(key)
  }
  if (keys.length === 0) throw new Error('no key in it can verify signatures')
  return keys
}

function readKey(jwk: Record<string, unknown> | null, text: string): VerifyKey | undefined {
  // A secret in a public list is not secret: `oct` keys and keys with their private part are left out.
  if (jwk === null || typeof jwk !== 'object' || !['RSA', 'EC', 'OKP'].includes(jwk['kty'] as string))
    return undefined
  if (Object.hasOwn(jwk, 'd')) return undefined
  const { use, key_ops: operations, kid, alg } = jwk
  if (use !== undefined && use !== 'sig') return undefined
  if (Array.isArray(operations) && !operations.includes('verify')) return undefined
  try {
    return {
      kid: typeof kid === 'string' ? kid : undefined,
      key: createPublicKey({ key: jwk as JsonWebKey, format: 'jwk' }),
      alg: typeof alg === 'string' ? alg : undefined,
      text,
      revoked: false
    }
  } catch {
    return undefined
  }
}

/** The few keys that may have signed a token with this header. */
export function candidates(keys: readonly VerifyKey[], algorithm: JwtAlgorithm, kid: unknown): VerifyKey[] {
  return keys
    .filter(
      (each) =>
        (kid === undefined || each.kid === kid) &&
        (each.alg === undefined || isFor(each.alg, algorithm)) &&
        fits(each.key, algorithm)
    )
    .slice(0, MAX_TRIED)
}

/** Marks the keys that are not in `next` as revoked; the others keep their object, and the tokens proven by it. */
export function replaceKeys(old: readonly VerifyKey[], next: readonly VerifyKey[]): VerifyKey[] {
  const known = new Set(old)
  const same = (a: VerifyKey, b: VerifyKey) => a.kid === b.kid && a.alg === b.alg && a.key.equals(b.key)
  const kept = next.map((key) => (known.has(key) ? key : (old.find((each) => same(each, key)) ?? key)))
  const inForce = new Set(kept)
  for (const each of old) if (!inForce.has(each)) each.revoked = true
  return kept
}
