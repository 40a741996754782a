import { own } from '../../../core/own.ts'

/**
 * The claim at a path such as `realm_access.roles`. Names with dots of their own come first, the longest before the
 * others: `https://example.com/roles`, or the client `my.app` in `resource_access.my.app.roles`. Only own properties
 * count.
 */
export function claimAt(claims: Readonly<Record<string, unknown>> | undefined, path: string): unknown {
  if (claims === undefined) return undefined
  if (Object.hasOwn(claims, path)) return claims[path]
  for (let dot = path.lastIndexOf('.'); dot > 0; dot = path.lastIndexOf('.', dot - 1)) {
    const inner = own(claims, path.slice(0, dot))
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) continue
    const found = claimAt(inner as Readonly<Record<string, unknown>>, path.slice(dot + 1))
    if (found !== undefined) return found
  }
  return undefined
}

export const DOUBTFUL_EMAIL =
  'email_verified is false: anybody may have given this address (unverifiedEmail: true accepts it)'

/** Whether the name is an email address of which the issuer says that it has not verified it; some say it as text. */
export function hasDoubtfulEmail(
  claims: Readonly<Record<string, unknown>> | undefined,
  rules: { readonly name: string; readonly unverifiedEmail: boolean }
): boolean {
  if (rules.unverifiedEmail || rules.name !== 'email') return false
  const verified = own(claims ?? {}, 'email_verified')
  return verified === false || verified === 'false'
}

/** A claim as texts: the items of a list, or the one value; numbers and booleans as they are written. */
export function textsOf(value: unknown): string[] {
  const items: readonly unknown[] = Array.isArray(value) ? value : [value]
  return items.filter(isScalar).map(String)
}

/** Roles or scopes: a list, or words separated by spaces (RFC 8693 §4.2). */
export function wordsOf(value: unknown): string[] {
  if (typeof value === 'string') return value.split(' ').filter((word) => word !== '')
  return Array.isArray(value) ? textsOf(value) : []
}

function isScalar(value: unknown): value is string | number | boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
}
