import type { HeaderView } from '../ports.ts'
import type { Directives } from './cache-control.ts'
import { applyDirective, emptyDirectives, parseCacheControl } from './cache-control.ts'
import { parseDictionary } from './structured-dictionary.ts'

export interface ResponseDirectives extends Directives {
  /** They come from CDN-Cache-Control, so Cache-Control and Expires are ignored. */
  readonly targeted: boolean
}

const numeric = new Set(['max-age', 's-maxage', 'stale-while-revalidate', 'stale-if-error'])

/** The directives for this cache: CDN-Cache-Control where it is valid (RFC 9213), else Cache-Control. */
export function responseDirectives(headers: HeaderView): ResponseDirectives {
  const targeted = parseTargeted(headers.get('cdn-cache-control'))
  if (targeted !== undefined) return { ...targeted, targeted: true }
  return { ...parseCacheControl(headers.get('cache-control')), targeted: false }
}

/**
 * RFC 9213 §2.1: a structured dictionary; an empty one, a malformed one or one with a wrong type is ignored as a whole.
 */
function parseTargeted(field: string | undefined): Directives | undefined {
  if (field === undefined) return undefined
  const members = parseDictionary(field)
  if (members === undefined || members.size === 0) return undefined
  const directives = emptyDirectives()
  for (const [name, value] of members) {
    if (numeric.has(name)) {
      if (typeof value !== 'number' || !Number.isInteger(value)) return undefined
      applyDirective(directives, name, String(Math.max(0, value)))
    } else if (value === true) applyDirective(directives, name, undefined)
    else if (typeof value === 'object') applyDirective(directives, name, value.text)
  }
  return directives
}
