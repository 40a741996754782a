import type { HeaderView } from '../ports.ts'
import type { Directives } from './cache-control.ts'
import { emptyDirectives, parseCacheControl } from './cache-control.ts'

/** Shared by the many requests without directives; never written. */
const nothing: Directives = Object.freeze(emptyDirectives())

/** RFC 9111 §5.2.1, and Pragma (§5.4) where Cache-Control is absent. */
export function requestDirectives(headers: HeaderView): Directives {
  const field = headers.get('cache-control')
  if (field !== undefined) return parseCacheControl(field)
  const pragma = headers.get('pragma')
  if (pragma === undefined || !/(?:^|,)\s*no-cache\s*(?:,|$)/i.test(pragma)) return nothing
  return { ...nothing, noCache: true }
}
