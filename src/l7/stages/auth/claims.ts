import { own } from '../../../core/own.ts'

/**
 * The claim at a path such as `realm_access.roles`. A claim whose own name equals the path comes first: some names are
 * URLs with dots (`https://example.com/roles`). Only own properties count.
 */
export function claimAt(claims: Readonly<Record<string, unknown>> | undefined, path: string): unknown {
  if (claims === undefined) return undefined
  if (Object.hasOwn(claims, path)) return claims[path]
  let value: unknown = claims
  for (const part of path.split('.')) {
    if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, part)) {
      return undefined
    }
    value = own(value as Readonly<Record<string, unknown>>, part)
  }
  return value
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
