import { isBlank } from './latin1.ts'
/** There are several cookies of one name, or servers read the field differently: which value a backend takes is unknown. */
export const ambiguous: unique symbol = Symbol('ambiguous')

/**
 * The value of the first cookie called `name` (RFC 6265 §4.2) in a Cookie field, without quotes; undefined without one.
 * Several Cookie fields are one, joined by "; " (RFC 9113 §8.2.3), which is how a HeaderBlock gives them.
 */
export function cookieValue(field: string | undefined, name: string): string | undefined {
  if (field === undefined) return undefined
  for (let at = 0; at < field.length;) {
    let end = field.indexOf(';', at)
    if (end === -1) end = field.length
    while (isBlank(field.charCodeAt(at))) at++
    const equals = at + name.length
    if (equals < end && field.charCodeAt(equals) === 61 && field.startsWith(name, at)) {
      const value = field.slice(equals + 1, end).trim()
      return value.startsWith('"') && value.endsWith('"') && value.length > 1 ? value.slice(1, -1) : value
    }
    at = end + 1
  }
  return undefined
}

/**
 * The value as `cookieValue` gives it, with its quotes, if every server finds the same one. Servers differ in which of
 * two they take, whether a comma or only a semicolon ends a cookie, whether one within quotes does, and in how
 * they spell names: PHP makes `a_b` of `a.b` and a list of `a[]`, others compare without case.
 */
export function certainCookie(
  field: string | undefined,
  name: string
): string | undefined | typeof ambiguous {
  if (field === undefined) return undefined
  const wanted = comparableName(name)
  let found: string | undefined
  let quotes = 0
  for (const pair of field.split(';')) {
    const within = quotes % 2 === 1
    quotes += count(pair, '"')
    let first = true
    for (const piece of pair.split(',')) {
      const equals = piece.indexOf('=')
      const written = (equals === -1 ? piece : piece.slice(0, equals)).trim()
      if (comparableName(written) === wanted) {
        if (found !== undefined || within || !first || written !== name || equals === -1) return ambiguous
        found = pair.slice(pair.indexOf('=') + 1).trim()
      }
      first = false
    }
  }
  return found
}

/** One form for all spellings of a parameter's or cookie's name that some server takes for the same. */
export function comparableName(name: string): string {
  let text = name.replaceAll('"', '')
  if (text.includes('%')) {
    try {
      text = decodeURIComponent(text)
    } catch {
      text = text.replace(/%[0-9a-f]{2}/gi, (code) => String.fromCharCode(parseInt(code.slice(1), 16)))
    }
  }
  const bracket = text.indexOf('[', 1)
  if (bracket !== -1) text = text.slice(0, bracket)
  return text
    .trim()
    .replace(/[\s.+[]/g, '_')
    .toLowerCase()
}

function count(text: string, mark: string): number {
  let times = 0
  for (let at = text.indexOf(mark); at !== -1; at = text.indexOf(mark, at + 1)) times++
  return times
}
