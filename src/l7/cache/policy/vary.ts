import type { CacheRequest } from '../ports.ts'
import { selectingField } from '../ports.ts'

/** A response that varies by more fields than this is not stored. */
const maxNames = 16
/** Longest selecting value in a key; a longer one makes a variant that no other request shares. */
const maxValue = 1024

/** lb sets these anew for each request, so no two requests would select the same variant. */
const neverTwice = new Set(['x-request-id', 'traceparent'])

/** Lower-case field names of Vary, sorted and without duplicates; undefined when no later request can match. */
export function varyNames(field: string | undefined): readonly string[] | undefined {
  if (field === undefined) return []
  const names = new Set<string>()
  for (const part of field.toLowerCase().split(',')) {
    const name = part.trim()
    if (name === '*' || neverTwice.has(name)) return undefined
    if (name !== '') names.add(name)
    if (names.size > maxNames) return undefined
  }
  return [...names].sort()
}

/** All names of both, or undefined when they are too many (RFC 9111 §4.1 requires all of them). */
export function unionOfNames(
  one: readonly string[],
  other: readonly string[]
): readonly string[] | undefined {
  const names = [...new Set([...one, ...other])].sort()
  return names.length > maxNames ? undefined : names
}

/** The secondary key (RFC 9111 §4.1): the request's values of the selecting fields as upstream sees them, normalised. */
export function variantKey(names: readonly string[], request: CacheRequest): string {
  let key = ''
  for (const name of names) key += `\n${name}:${selectingValue(name, selectingField(request, name))}`
  return key
}

/** The language that a client prefers alone, lower-case; undefined when it names none, or several as equals. */
export function preferredLanguage(request: CacheRequest): string | undefined {
  const weighted = parseWeighted(selectingField(request, 'accept-language') ?? '')
  const first = weighted[0]
  if (first === undefined || first.tag === '*' || first.weight === 0) return undefined
  return weighted[1]?.weight === first.weight ? undefined : first.tag
}

function selectingValue(name: string, value: string | undefined): string {
  // An absent field differs from an empty one; "\r" cannot occur in a value.
  if (value === undefined) return '\r'
  if (value.length > maxValue) return value
  // A field that is no list is compared as it is: a space within a cookie or credentials may matter.
  if (name === 'cookie' || name === 'authorization') return value
  if ((name === 'accept-language' || name === 'accept-encoding') && wellFormed.test(value)) {
    return parseWeighted(value)
      .map(({ tag, weight }) => (weight === 1 ? tag : `${tag};q=${weight}`))
      .join(',')
  }
  // RFC 9111 §4.1: lines may be combined, and white space between members does not matter.
  return value.indexOf(',') < 0
    ? value.trim()
    : value
        .split(',')
        .map((part) => part.trim())
        .join(',')
}

/**
 * RFC 9110 §12.4.2 and §12.5.4. Servers interpret malformed values differently, so those match only as the same text.
 */
const wellFormed =
  /^[ \t]*[\w*-]+[ \t]*(?:;[ \t]*q=(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)[ \t]*)?(?:,[ \t]*[\w*-]+[ \t]*(?:;[ \t]*q=(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)[ \t]*)?)*$/i

/** Members of Accept-Language or Accept-Encoding, best first, then by name: equal weights have no order (RFC 9110 §12.5.4). */
function parseWeighted(field: string): { tag: string; weight: number }[] {
  const members: { tag: string; weight: number }[] = []
  for (const part of field.toLowerCase().split(',')) {
    const [tag, ...parameters] = part.split(';').map((piece) => piece.trim())
    if (tag === undefined || tag === '') continue
    const q = parameters.find((parameter) => parameter.startsWith('q='))
    const weight = q === undefined ? 1 : Number(q.slice(2))
    members.push({ tag, weight: weight >= 0 && weight <= 1 ? weight : 0 })
  }
  return members.sort((a, b) => b.weight - a.weight || (a.tag < b.tag ? -1 : a.tag > b.tag ? 1 : 0))
}
