import { randomFillSync } from 'node:crypto'

export const MAX_REQUEST_ID = 128

/** 128 random bits, which is also a valid trace id. Not a UUIDv7: logs are sorted by time without it. */
export function newRequestId(): string {
  return randomHex(32)
}

/**
 * The id that a trusted peer gave, or undefined when it is no id: longer than 128, or with anything in it but
 * letters, digits and `-._~:/+=@`, so that it can be written into any log and any field as it is.
 * An id from a peer that is not trusted is ignored: it could make two requests look like one.
 */
export function keptRequestId(value: string | undefined): string | undefined {
  if (value === undefined || value.length === 0 || value.length > MAX_REQUEST_ID) return undefined
  for (let i = 0; i < value.length; i++) {
    const c = value.charCodeAt(i)
    if (c > 127 || ALLOWED[c] === 0) return undefined
  }
  return value
}

const ALLOWED = new Uint8Array(128)
for (const c of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~:/+=@') {
  ALLOWED[c.charCodeAt(0)] = 1
}

const POOL_BYTES = 4096

const bytes = Buffer.allocUnsafe(POOL_BYTES)
let pool = ''
let next = 0

/**
 * `digits` hexadecimal digits (at most 64) from the system's CSPRNG. They are cut from a pool that is filled 4 KiB at
 * a time: about 30 ns for 32 digits. A string that is kept
 * holds its pool of 8 KB with it until it is copied into something longer, which writing it out does.
 */
export function randomHex(digits: number): string {
  if (next + digits > pool.length) {
    randomFillSync(bytes)
    pool = bytes.toString('hex')
    next = 0
  }
  const at = next
  next += digits
  return pool.slice(at, next)
}

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
