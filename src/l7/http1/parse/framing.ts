import { isToken } from '../../../core/latin1.ts'
import { BAD_CODING, BAD_LENGTH, LENGTH_AND_CODING, OLD_CODING, UNKNOWN_CODING } from './parse-failure.ts'
import type { FieldScanner } from './field-scanner.ts'

/** The framing that the fields declare: a number of bytes, or one of these. */
export const CHUNKED = -1
export const UNDECLARED = -2
/** Failures are encoded below this value: `FAILED + failure`. */
const FAILED = -100

const TAB = 9

/** The failure of parse-failure.ts that `framing` encodes; 0 when it encodes none. */
export function framingFailure(framing: number): number {
  return framing <= FAILED ? framing - FAILED : 0
}

/**
 * RFC 9112 §6.3, strictly: whatever two recipients might read differently is refused. Returns the length of the body,
 * CHUNKED, UNDECLARED, or a value that `framingFailure` decodes. `repeated`: a length that is said more than once is
 * one, as §6.3 allows. It is for responses, where the client gets one field that is written anew.
 */
export function readFraming(buffer: Buffer, fields: FieldScanner, minor: number, repeated = false): number {
  if (fields.codingCount > 0) {
    if (fields.lengthCount > 0) return FAILED + LENGTH_AND_CODING
    if (minor === 0) return FAILED + OLD_CODING
    if (fields.codingCount === 1) {
      const { codingStart: start, codingEnd: end } = fields
      // llhttp and others count a tab as part of the value.
      if (buffer[start - 1] === TAB || buffer[end] === TAB) return FAILED + BAD_CODING
      const value = fields.slice(start, end)
      return isChunked(value) ? CHUNKED : FAILED + codingFailure(value)
    }
    return FAILED + BAD_CODING
  }
  if (fields.lengthCount === 0) return UNDECLARED
  if (fields.lengthCount > 1 && (!repeated || fields.lengthsDiffer)) return FAILED + BAD_LENGTH
  let length = parseLength(buffer, fields.lengthStart, fields.lengthEnd)
  if (length === -1 && repeated) length = repeatedLength(fields.slice(fields.lengthStart, fields.lengthEnd))
  return length === -1 ? FAILED + BAD_LENGTH : length
}

/** The length that a list such as "5, 5" says in each of its parts; else -1. */
export function repeatedLength(value: string): number {
  const [first = '', ...others] = value.split(/[ \t]*,[ \t]*/)
  return /^\d{1,15}$/.test(first) && others.every((other) => other === first) ? Number(first) : -1
}

/** Digits only, at most Number.MAX_SAFE_INTEGER; else -1. */
function parseLength(buffer: Buffer, start: number, end: number): number {
  if (start === end || end - start > 15) return -1
  let length = 0
  for (let i = start; i < end; i++) {
    const digit = buffer[i]! - 48
    if (digit < 0 || digit > 9) return -1
    length = length * 10 + digit
  }
  return length
}

function isChunked(value: string): boolean {
  return value.length === 7 && value.toLowerCase() === 'chunked'
}

/**
 * A list of well-formed codings with chunked last, or without chunked, is valid but not supported here: 501 (RFC 9112
 * §6.1). Anything else is 400, since two recipients could find different ends of the body.
 */
function codingFailure(value: string): number {
  const codings = value.split(',').map((coding) => coding.trim().toLowerCase())
  if (!codings.every(isToken)) return BAD_CODING
  const others = codings.at(-1) === 'chunked' ? codings.slice(0, -1) : codings
  const odd = others.some((coding) => coding === 'identity' || coding.includes('chunked'))
  return odd ? BAD_CODING : UNKNOWN_CODING
}

/** What a Connection field says (RFC 9110 §7.6.1). */
export interface ConnectionOptions {
  readonly close: boolean
  readonly keepAlive: boolean
  readonly upgrade: boolean
  /** Other names in it, lower case, ", "-separated: hop-by-hop fields too. '' for none. */
  readonly names: string
}

/** There is no such field. */
export const NO_OPTIONS: ConnectionOptions = { close: false, keepAlive: false, upgrade: false, names: '' }
const CLOSE: ConnectionOptions = { ...NO_OPTIONS, close: true }
const KEEP_ALIVE: ConnectionOptions = { ...NO_OPTIONS, keepAlive: true }
const UPGRADE: ConnectionOptions = { ...NO_OPTIONS, upgrade: true }

export function connectionOptions(value: string): ConnectionOptions {
  // The values of nearly all clients, without splitting them.
  switch (value) {
    case '':
      return NO_OPTIONS
    case 'keep-alive':
    case 'Keep-Alive':
      return KEEP_ALIVE
    case 'close':
      return CLOSE
    case 'Upgrade':
    case 'upgrade':
      return UPGRADE
    default:
      return readOptions(value)
  }
}

function readOptions(value: string): ConnectionOptions {
  let close = false
  let keepAlive = false
  let upgrade = false
  let names = ''
  for (const option of value.toLowerCase().split(',')) {
    const name = option.trim()
    if (name === 'close') close = true
    else if (name === 'keep-alive') keepAlive = true
    else if (name === 'upgrade') upgrade = true
    else if (name !== '' && name !== 'te') names += names === '' ? name : `, ${name}`
  }
  return { close, keepAlive, upgrade, names }
}
