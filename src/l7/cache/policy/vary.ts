import type { HeaderView } from '../ports.ts'

/** A response that varies by more fields than this is not worth keeping variants of. */
const maxNames = 16
/** Longest selecting value that goes into a key; a longer one is its own variant that nobody shares. */
const maxValue = 1024

/** Lower-case field names of Vary, sorted and without duplicates; undefined for "*" or too many. */
export function varyNames(field: string | undefined): readonly string[] | undefined {
  if (field === undefined) return []
  const names = new Set<string>()
  for (const part of field.toLowerCase().split(',')) {
    const name = part.trim()
    if (name === '*') return undefined
    if (name !== '') names.add(name)
    if (names.size > maxNames) return undefined
  }
  return [...names].sort()
}

export function unionOfNames(one: readonly string[], other: readonly string[]): readonly string[] {
  return [...new Set([...one, ...other])].sort().slice(0, maxNames)
}

/** The secondary key (RFC 9111 §4.1): the request's values of the selecting fields, normalised. */
export function variantKey(names: readonly string[], headers: HeaderView): string {
  let key = ''
  for (const name of names) key += `\n${name}:${selectingValue(name, headers.get(name))}`
  return key
}

/** The language a client wants most, alone at the top, lower-case; undefined when it names none or several. */
export function preferredLanguage(headers: HeaderView): string | undefined {
  const weighted = parseWeighted(headers.get('accept-language') ?? '')
  const first = weighted[0]
  if (first === undefined || first.tag === '*' || first.weight === 0) return undefined
  return weighted[1]?.weight === first.weight ? undefined : first.tag
}

function selectingValue(name: string, value: string | undefined): string {
  // An absent field is different from an empty one; "\r" cannot stand in a value.
  if (value === undefined) return '\r'
  if (value.length > maxValue) return value
  if (name === 'accept-language' || name === 'accept-encoding') {
    return parseWeighted(value)
      .map(({ tag, weight }) => (weight === 1 ? tag : `${tag};q=${weight}`))
      .join(',')
  }
  // RFC 9111 §4.1: lines may be combined and white space between members does not matter.
  return value.indexOf(',') < 0
    ? value.trim()
    : value
        .split(',')
        .map((part) => part.trim())
        .join(',')
}

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
