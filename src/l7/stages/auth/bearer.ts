import type { HeaderBlock } from '../../message/header-block.ts'
import type { Denied } from './auth-method.ts'

/** The token in a field, behind `Bearer` (RFC 6750 §2.1); in any other field than Authorization it may stand alone. */
export function tokenIn(headers: HeaderBlock, name: string): string | undefined {
  // Two fields are one value with a comma, which is no token.
  const value = headers.get(name)
  if (value === undefined) return undefined
  if (value.length > 7 && value.slice(0, 7).toLowerCase() === 'bearer ') return value.slice(7).trim()
  return name === 'authorization' ? undefined : value
}

/** The value of WWW-Authenticate (RFC 6750 §3). */
export function bearerChallenge(realm: string, wrong: Denied | undefined): string {
  const challenge = `Bearer realm="${realm}"`
  return wrong?.error === undefined ? challenge : `${challenge}, error="${wrong.error}"`
}
