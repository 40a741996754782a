import { createHash } from 'node:crypto'

/** The members that count, in their order (RFC 7638 §3.2, RFC 8037 §2). */
const MEMBERS = new Map([
  ['EC', ['crv', 'kty', 'x', 'y']],
  ['RSA', ['e', 'kty', 'n']],
  ['OKP', ['crv', 'kty', 'x']]
])

/** The SHA-256 thumbprint of a public key; undefined where it is none. */
export function thumbprint(jwk: Readonly<Record<string, unknown>>): string | undefined {
  const names = MEMBERS.get(jwk['kty'] as string)
  if (names === undefined || Object.hasOwn(jwk, 'd')) return undefined
  const values = names.map((name) => (Object.hasOwn(jwk, name) ? jwk[name] : undefined))
  if (!values.every((value) => typeof value === 'string')) return undefined
  const members = Object.fromEntries(names.map((name, index) => [name, values[index]]))
  return createHash('sha256').update(JSON.stringify(members)).digest('base64url')
}
