import { randomHex } from './random-hex.ts'

/** Version 00 is 55 long; later versions may add fields, of which this much is let pass. */
const LENGTH = 55
const MAX_LENGTH = 256

/**
 * Whether a received traceparent is passed on (W3C Trace Context §3.2): four lower-case hexadecimal fields, neither id
 * all zero, version not ff. One that is not is replaced, and its tracestate dropped (§3.3.1).
 */
export function isTraceparent(value: string): boolean {
  const length = value.length
  if (length < LENGTH || length > MAX_LENGTH) return false
  if (!isHex(value, 0, 2) || !isHex(value, 3, 35) || !isHex(value, 36, 52) || !isHex(value, 53, 55))
    return false
  if (value[2] !== '-' || value[35] !== '-' || value[52] !== '-') return false
  if (isZero(value, 3, 35) || isZero(value, 36, 52) || value.startsWith('ff')) return false
  return length === LENGTH || (!value.startsWith('00') && value[LENGTH] === '-')
}

/**
 * A new trace. It is marked as sampled: lb records nothing itself, and with the flag off the usual parent-based
 * samplers behind it would never record anything. `traceId` may be a request id that `newRequestId` made.
 */
export function newTraceparent(traceId: string = randomHex(32)): string {
  return `00-${traceId}-${randomHex(16)}-01`
}

/** The trace id of a valid traceparent, for logs. */
export function traceId(traceparent: string): string {
  return traceparent.slice(3, 35)
}

function isHex(text: string, from: number, to: number): boolean {
  for (let i = from; i < to; i++) {
    const c = text.charCodeAt(i)
    if (!((c >= 48 && c <= 57) || (c >= 97 && c <= 102))) return false
  }
  return true
}

function isZero(text: string, from: number, to: number): boolean {
  for (let i = from; i < to; i++) {
    if (text.charCodeAt(i) !== 48) return false
  }
  return true
}
