import type { HeaderBlock } from '../../message/header-block.ts'
import type { Denied } from './auth-method.ts'

/**
 * The token in a field, after `Bearer` (RFC 6750 §2.1); in any other field than Authorization `Bearer` may be missing.
 */
export function tokenIn(headers: HeaderBlock, name: string): string | undefined {
  // Two fields give one value with a comma, which is not a token.
  const value = headers.get(name)
  if (value === undefined) return undefined
  return tokenBehind('bearer', value) ?? (name === 'authorization' ? undefined : value)
}

/** What follows the scheme, given in lower case, in the value of Authorization (RFC 9110 §11.4). */
export function tokenBehind(scheme: string, value: string): string | undefined {
  const start = scheme.length + 1
  if (value.length <= start || value.slice(0, start).toLowerCase() !== `${scheme} `) return undefined
  return value.slice(start).trim()
}

/** The value of WWW-Authenticate (RFC 6750 §3). */
export function bearerChallenge(realm: string, wrong: Denied | undefined): string {
  const challenge = `Bearer realm="${realm}"`
  return wrong?.error === undefined ? challenge : `${challenge}, error="${wrong.error}"`
}
