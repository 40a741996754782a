import { createHash, createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto'
import { fits, isSigned } from '../algorithms.ts'
import { readToken, type Token } from '../read-token.ts'
import type { ProofAlgorithm } from './keys.ts'
import { thumbprint } from './thumbprint.ts'

const MAX_PROOF = 8192
const MAX_ID = 256
const MAX_KEYS = 1024

/** What a proof is held to (RFC 9449 §4.3). */
export interface Expected {
  readonly method: string
  /** Whether `htu` is the URL of the request. */
  readonly isHere: (url: string) => boolean
  readonly token: string
  /** Thumbprint of the key that the token is bound to. */
  readonly jkt: string
  readonly algorithms: readonly ProofAlgorithm[]
  /** Milliseconds. */
  readonly window: number
  /** ms since 1970. */
  readonly now: number
  /** Whether `nonce` is one that was given out; undefined: none is needed. */
  readonly isNonce: ((nonce: unknown) => boolean) | undefined
}

/** `needsNonce`: all that is seen to be wrong. */
export type Judged = { readonly wrong: string; readonly needsNonce?: true } | { readonly id: string }

/** Reads proofs, and remembers the keys of those that were right: to make one costs half of what its signature does. */
export class Proofs {
  readonly #keys = new Map<string, KeyObject>()

  /** `text` as it stood in the field. What costs most comes last. */
  judge(text: string, expected: Expected): Judged {
    const proof = text.length > MAX_PROOF ? undefined : readToken(text)
    if (proof === undefined) return { wrong: 'no JWT' }
    const { header, claims } = proof
    if (header['typ'] !== 'dpop+jwt') return { wrong: 'typ is not dpop+jwt' }
    if (Object.hasOwn(header, 'crit')) return { wrong: 'crit is not understood' }
    const algorithm = expected.algorithms.find((name) => name === header['alg'])
    if (algorithm === undefined) return { wrong: 'signed by an algorithm that is not allowed' }
    const jwk = header['jwk']
    if (typeof jwk !== 'object' || jwk === null || Array.isArray(jwk)) return { wrong: 'without a key' }
    if (thumbprint(jwk as Record<string, unknown>) !== expected.jkt)
      return { wrong: 'by another key than the token is bound to' }
    const wrong = whyNot(claims, expected)
    if (wrong !== undefined) return { wrong }
    if (expected.isNonce?.(claims['nonce']) === false)
      return { wrong: 'without a nonce of now', needsNonce: true }
    const key = this.#keyOf(jwk as JsonWebKey, expected.jkt)
    if (key === undefined || !fits(key, algorithm)) return { wrong: 'its key is none for its algorithm' }
    if (!isProven(proof, algorithm, key)) return { wrong: 'the signature is wrong' }
    return { id: claims['jti'] as string }
  }

  #keyOf(jwk: JsonWebKey, jkt: string): KeyObject | undefined {
    const known = this.#keys.get(jkt)
    if (known !== undefined) return known
    try {
      const { kty, crv, x, y, n, e } = jwk
      const key = createPublicKey({ key: { kty, crv, x, y, n, e } as JsonWebKey, format: 'jwk' })
      if (this.#keys.size >= MAX_KEYS) this.#keys.clear()
      this.#keys.set(jkt, key)
      return key
    } catch {
      return undefined
    }
  }
}

function isProven({ data, signature }: Token, algorithm: ProofAlgorithm, key: KeyObject): boolean {
  return isSigned(algorithm, key, data, signature)
}

function whyNot(claims: Readonly<Record<string, unknown>>, expected: Expected): string | undefined {
  const { jti, htm, htu, iat, ath } = claims
  if (typeof jti !== 'string' || jti === '' || jti.length > MAX_ID) return 'jti is missing, or no short text'
  if (htm !== expected.method) return 'of another method'
  if (typeof htu !== 'string' || !expected.isHere(htu)) return 'of another URL'
  if (typeof iat !== 'number' || !Number.isFinite(iat)) return 'iat is missing or no number'
  if (Math.abs(iat * 1000 - expected.now) > expected.window) return 'not of now'
  if (ath !== createHash('sha256').update(expected.token, 'latin1').digest('base64url'))
    return 'of another token'
  return undefined
}
