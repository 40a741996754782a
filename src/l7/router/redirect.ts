import { compilePlaceholders, type PlaceholderFacts } from '../headers/placeholders.ts'

/** What the placeholders of a redirect's `to` stand for. */
export interface RedirectFacts {
  /** Without port; '' when the request named none. */
  readonly host: string
  /** Normalised. */
  readonly path: string
  /** Without the question mark. */
  readonly query: string | undefined
}

const PLACEHOLDER = /\{(path|query|host)\}/

/**
 * Makes the Location of a redirect. `to` may hold `{path}`, `{query}` (with its question mark, nothing without a
 * query) and `{host}` (an IPv6 address in brackets): `https://{host}{path}{query}`. Without `{query}` the query is
 * dropped. The path is normalised, so it never begins with two slashes and cannot name another host.
 * All others are those of header edits, escaped as a part of a URL.
 * What the client sent is escaped where it could end a field or an URL.
 */
export function compileRedirect(to: string): (facts: RedirectFacts, more: PlaceholderFacts) => string {
  // Every second part is the name of a placeholder.
  const parts = to.split(PLACEHOLDER)
  const templates = parts.map((part, at) =>
    at % 2 === 1 ? undefined : compilePlaceholders(part, encodeURIComponent)
  )
  if (parts.length === 1 && templates[0] === undefined) return () => to
  return (facts, more) => {
    let location = ''
    for (let at = 0; at < parts.length; at++) {
      location += at % 2 === 1 ? value(parts[at]!, facts) : (templates[at]?.(more) ?? parts[at]!)
    }
    return location
  }
}

function value(name: string, facts: RedirectFacts): string {
  if (name === 'path') return facts.path
  if (name === 'host') return facts.host.includes(':') ? `[${facts.host}]` : facts.host
  if (facts.query === undefined) return ''
  return (
    '?' +
    (/[^\x21-\x7e]/.test(facts.query)
      ? facts.query.replace(/[^\x21-\x7e]/g, encodeURIComponent)
      : facts.query)
  )
}
