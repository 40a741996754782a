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

const PLACEHOLDER = /(\{(?:path|query|host)\})/
const PLACEHOLDER_OR_GROUP = /(\{(?:path|query|host)\}|\$[1-9])/

/**
 * Makes the Location of a redirect. `to` may hold `{path}`, `{query}` (with its question mark, nothing without a
 * query) and `{host}` (an IPv6 address in brackets): `https://{host}{path}{query}`. Without `{query}` the query is
 * dropped. The path is normalised, so it never begins with two slashes and cannot name another host.
 * All others are those of header edits, escaped as a part of a URL. With `groups`, the expression that the path
 * matched, `$1` is its first group; the checks of the configuration keep groups out of the name of the host.
 * What the client sent is escaped where it could end a field or an URL. Undefined: it would name the host of a request that
 * named none (HTTP/1.0).
 */
export function compileRedirect(
  to: string,
  groups?: string
): (facts: RedirectFacts, more: PlaceholderFacts) => string | undefined {
  // Every second part is a placeholder.
  const parts = to.split(groups === undefined ? PLACEHOLDER : PLACEHOLDER_OR_GROUP)
  const regex = groups === undefined ? undefined : new RegExp(groups)
  const templates = parts.map((part, at) =>
    at % 2 === 1 ? undefined : compilePlaceholders(part, encodeURIComponent)
  )
  if (parts.length === 1 && templates[0] === undefined) return () => to
  const local = !/^https?:/.test(to)
  const needsHost = to.includes('{host}')
  return (facts, more) => {
    if (needsHost && facts.host === '') return undefined
    const found = regex?.exec(facts.path)
    let location = ''
    for (let at = 0; at < parts.length; at++) {
      location += at % 2 === 1 ? value(parts[at]!, facts, found) : (templates[at]?.(more) ?? parts[at]!)
    }
    // `/$1` and `/{path}` make two slashes of what begins with one, and then the path would name a host.
    return local && location.startsWith('//') ? location.replace(/^\/+/, '/') : location
  }
}

function value(placeholder: string, facts: RedirectFacts, found: RegExpExecArray | null | undefined): string {
  // RFC 9112 §3.2.4: `OPTIONS *` is about the server, and has no path.
  if (placeholder === '{path}') return facts.path === '*' ? '' : facts.path
  if (placeholder === '{host}') return facts.host.includes(':') ? `[${facts.host}]` : facts.host
  if (placeholder !== '{query}') return found?.[Number(placeholder[1])] ?? ''
  if (facts.query === undefined) return ''
  return (
    '?' +
    (/[^\x21-\x7e]/.test(facts.query)
      ? facts.query.replace(/[^\x21-\x7e]/g, encodeURIComponent)
      : facts.query)
  )
}
