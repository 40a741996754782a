import { percentByte } from './percent.ts'

const AMPERSAND = 38
const EQUALS = 61
const PLUS = 43
const PERCENT = 37

/**
 * The decoded value of the first parameter called `name` in a raw query; '' when it has no value, undefined when there
 * is none. Nothing is allocated until the parameter is found. Parsed like forms (WHATWG URL §5.1): `+` is a space,
 * `%xx` a byte of UTF-8, and a malformed encoding stays as it is.
 */
export function queryValue(query: string | undefined, name: string): string | undefined {
  if (query === undefined || query === '') return undefined
  const length = query.length
  for (let at = 0; at < length;) {
    let end = query.indexOf('&', at)
    if (end === -1) end = length
    const after = matchName(query, at, end, name)
    if (after === end) return ''
    if (after !== -1) return decode(query.slice(after + 1, end))
    at = end + 1
  }
  return undefined
}

/** Where `name` ends (at `=`, or `end`) when the parameter at `at` has that name, else -1. */
function matchName(query: string, at: number, end: number, name: string): number {
  const after = at + name.length
  if (after <= end && query.startsWith(name, at) && (after === end || query.charCodeAt(after) === EQUALS)) {
    return isPlain(query, at, after) ? after : -1
  }
  // Names are rarely encoded, so only encoded ones are decoded.
  let equals = at
  let encoded = false
  for (; equals < end; equals++) {
    const c = query.charCodeAt(equals)
    if (c === EQUALS) break
    if (c === PERCENT || c === PLUS) encoded = true
  }
  return encoded && decode(query.slice(at, equals)) === name ? equals : -1
}

function isPlain(query: string, from: number, to: number): boolean {
  for (let i = from; i < to; i++) {
    const c = query.charCodeAt(i)
    if (c === PERCENT || c === PLUS || c === AMPERSAND) return false
  }
  return true
}

function decode(text: string): string {
  const spaced = text.includes('+') ? text.replaceAll('+', ' ') : text
  if (!spaced.includes('%')) return spaced
  try {
    return decodeURIComponent(spaced)
  } catch {
    return decodeLoosely(spaced)
  }
}

/** Byte by byte, for text that is not UTF-8 or has a stray `%`. */
function decodeLoosely(text: string): string {
  const bytes: number[] = []
  for (let i = 0; i < text.length; i++) {
    const byte = percentByte(text, i)
    if (byte === -1) {
      bytes.push(text.charCodeAt(i) & 0xff)
    } else {
      bytes.push(byte)
      i += 2
    }
  }
  return Buffer.from(bytes).toString('utf8')
}
