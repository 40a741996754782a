/**
 * Parses IP addresses without allocating: the words of the last parsed address are in `ipWords` until the next call. An
 * IPv4 address, or an IPv4-mapped IPv6 one (::ffff:10.0.0.1), is one word and family 4, so that a rule for 10.0.0.0/8
 * also applies on a dual-stack socket.
 */
export const ipWords = new Uint32Array(4)

const groups = new Uint16Array(8)
const DOT = 46
const COLON = 58
/** The longest text: eight groups of four digits and a zone id. */
const MAX_LENGTH = 64

/** 4 or 6 with the words in `ipWords` (one for 4, four for 6), or 0 when `text` is no IP address. */
export function parseIp(text: string): 0 | 4 | 6 {
  const length = text.length
  if (length < 2 || length > MAX_LENGTH) return 0
  if (text.indexOf(':') === -1) return parseV4(text, 0, length) ? 4 : 0
  if (!parseV6(text, zoneStart(text))) return 0
  const mapped =
    (groups[0]! | groups[1]! | groups[2]! | groups[3]! | groups[4]!) === 0 && groups[5] === 0xffff
  if (mapped) {
    ipWords[0] = groups[6]! * 65536 + groups[7]!
    return 4
  }
  for (let i = 0; i < 4; i++) ipWords[i] = groups[2 * i]! * 65536 + groups[2 * i + 1]!
  return 6
}

/** True when parseIp(text) would find an address. */
export function isIp(text: string): boolean {
  return parseIp(text) !== 0
}

/** RFC 6874: a zone id names an interface, not an address; comparisons ignore it. */
function zoneStart(text: string): number {
  const at = text.indexOf('%')
  return at === -1 ? text.length : at
}

/** Four decimal numbers without leading zeros (some read 010 as 8, others as 10: refused). */
function parseV4(text: string, from: number, to: number): boolean {
  let word = 0
  let octet = 0
  let digits = 0
  let dots = 0
  for (let i = from; i < to; i++) {
    const c = text.charCodeAt(i)
    if (c === DOT) {
      if (digits === 0 || ++dots > 3) return false
      word = word * 256 + octet
      octet = 0
      digits = 0
      continue
    }
    if (c < 48 || c > 57 || (digits > 0 && octet === 0)) return false
    octet = octet * 10 + c - 48
    if (++digits > 3 || octet > 255) return false
  }
  if (dots !== 3 || digits === 0) return false
  ipWords[0] = word * 256 + octet
  return true
}

/** RFC 4291 §2.2, into `groups`. */
function parseV6(text: string, end: number): boolean {
  let count = 0
  let gap = -1
  let i = 0
  if (text.charCodeAt(0) === COLON) {
    if (text.charCodeAt(1) !== COLON) return false
    gap = 0
    i = 2
  }
  while (i < end) {
    if (count === 8) return false
    const start = i
    let value = 0
    let c = -1
    for (; i < end; i++) {
      c = text.charCodeAt(i)
      const digit = hexDigit(c)
      if (digit < 0) break
      value = value * 16 + digit
      if (i - start >= 4) return false
    }
    if (i < end && c === DOT) {
      if (count > 6 || !parseV4(text, start, end)) return false
      groups[count++] = ipWords[0]! >>> 16
      groups[count++] = ipWords[0]! & 0xffff
      break
    }
    if (i === start) return false
    groups[count++] = value
    if (i === end) break
    if (c !== COLON || ++i === end) return false
    if (text.charCodeAt(i) !== COLON) continue
    if (gap !== -1) return false
    gap = count
    i++
  }
  if (gap === -1) return count === 8
  if (count > 7) return false
  groups.copyWithin(gap + 8 - count, gap, count)
  groups.fill(0, gap, gap + 8 - count)
  return true
}

/** Value of a hexadecimal digit's character code, or -1. */
function hexDigit(c: number): number {
  if (c >= 48 && c <= 57) return c - 48
  const lower = c | 32
  return lower >= 97 && lower <= 102 ? lower - 87 : -1
}
