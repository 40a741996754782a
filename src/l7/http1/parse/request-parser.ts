import { hostName } from '../../uri/target.ts'
import { HeaderBlock } from '../../message/header-block.ts'
import { UNKNOWN_LENGTH } from '../../message/body-length.ts'
import type { Request } from '../../message/request.ts'
import { TARGET } from '../../message/chars.ts'
import { connectionOptions, CHUNKED, framingFailure, NO_OPTIONS, readFraming, UNDECLARED } from './framing.ts'
import { FieldScanner } from './field-scanner.ts'
import { TOKEN, knownTexts, latin1 } from '../../../core/latin1.ts'
import { isKnownMethod } from '../../message/methods.ts'
import { tunnelledProtocols } from '../../message/upgrade-protocols.ts'
import {
  BAD_EXPECTATION,
  BAD_HOST,
  BAD_LINE_END,
  BAD_METHOD,
  BAD_REQUEST_LINE,
  BAD_TARGET,
  BAD_VERSION,
  MORE,
  REPEATED,
  TLS_RECORD,
  TOO_LARGE,
  URL_TOO_LONG
} from './parse-failure.ts'

export interface HeadLimits {
  readonly headBytes: number
  readonly headerCount: number
  readonly urlBytes: number
  /** Methods to accept in addition to the known ones. */
  readonly methods?: readonly string[]
}

const CR = 13
const LF = 10
const SPACE = 32
/** Type of a TLS record (RFC 8446 §5.1): what a client says first that speaks https to a clear-text port. */
const HANDSHAKE = 22

/** Longest method that is accepted. */
const METHOD_BYTES = 32
/** Beyond this length the line is reported as one without spaces, not as a long method. */
const WORD_BYTES = 1024
/** Empty lines before a request line that are ignored (RFC 9112 §2.2). */
const EMPTY_LINES = 2

/** Scratch space of the thread: what it finds is turned into strings before `parseRequest` returns. */
const fields = new FieldScanner()

/**
 * Parses a request head (RFC 9112 §3, §5) from `buffer[start..end)`. Returns the position after it with the head in
 * `parsedRequest()`, MORE, or a failure. Stateless: when more bytes come it is called again from the start of the head,
 * at most once per line received.
 */
export function parseRequest(buffer: Buffer, start: number, end: number, limits: HeadLimits): number {
  let p = start
  while (p < end && buffer[p] === CR && p - start < 2 * EMPTY_LINES) {
    if (p + 1 >= end) return MORE
    if (buffer[p + 1] !== LF) return BAD_LINE_END
    p += 2
  }
  if (p >= end) return MORE
  const limit = p + limits.headBytes

  const methodStart = p
  while (p < end && TOKEN[buffer[p]!] === 1) p++
  if (p - methodStart > METHOD_BYTES) {
    if (p - methodStart > WORD_BYTES) return BAD_REQUEST_LINE
    return p < end ? BAD_METHOD : MORE
  }
  if (p >= end) return MORE
  if (p === methodStart && buffer[p] === HANDSHAKE) return TLS_RECORD
  if (buffer[p] !== SPACE || p === methodStart) return BAD_REQUEST_LINE
  const methodEnd = p

  const targetStart = ++p
  while (p < end && TARGET[buffer[p]!] === 1) p++
  const targetEnd = p
  if (targetEnd - targetStart > limits.urlBytes) return URL_TOO_LONG
  if (p >= end) return p >= limit ? TOO_LARGE : MORE
  if (targetEnd === targetStart) return BAD_TARGET
  // HTTP/0.9: a request line without a version; or one without a target.
  if (buffer[p] === CR || buffer[p] === LF) return buffer[p] === LF ? BAD_LINE_END : BAD_REQUEST_LINE
  if (buffer[p] !== SPACE) return BAD_TARGET
  p++

  const minor = readVersion(buffer, p, end)
  if (minor < 0) return minor
  if (minor === NEEDS_MORE || p + 8 >= end) return MORE
  if (buffer[p + 8] !== CR) return buffer[p + 8] === LF ? BAD_LINE_END : BAD_REQUEST_LINE
  if (p + 9 >= end) return MORE
  if (buffer[p + 9] !== LF) return BAD_LINE_END
  p += 10

  const headEnd = fields.scan(buffer, p, end, limit, limits.headerCount)
  if (headEnd <= 0) return headEnd
  const method = methodName(buffer, methodStart, methodEnd)
  if (method !== 'GET' && !isKnownMethod(method) && limits.methods?.includes(method) !== true)
    return BAD_METHOD
  const failure = complete(buffer, method, latin1(buffer, targetStart, targetEnd), minor)
  return failure === 0 ? headEnd : failure
}

let parsed: Request | undefined

/** The head that the last call of `parseRequest` parsed. */
export function parsedRequest(): Request {
  return parsed!
}

function complete(buffer: Buffer, method: string, target: string, minor: number): number {
  let host = ''
  if (fields.hostCount === 1) {
    host = knownTexts.read(buffer, fields.hostStart, fields.hostEnd)
    if (hostName(host) === undefined) return BAD_HOST
  } else if (fields.hostCount > 1 || minor === 1) {
    return BAD_HOST
  }
  if (fields.repeated) return REPEATED
  let framing = UNDECLARED
  if (fields.lengthCount + fields.codingCount > 0) {
    framing = readFraming(buffer, fields, minor)
    const failure = framingFailure(framing)
    if (failure !== 0) return failure
  }
  const bodyLength = framing === CHUNKED ? UNKNOWN_LENGTH : framing === UNDECLARED ? 0 : framing
  const expect = fields.expect
  const expectContinue = expect !== '' && expect.toLowerCase() === '100-continue'
  if (expect !== '' && !expectContinue && minor === 1) return BAD_EXPECTATION
  const connection = fields.connection === '' ? NO_OPTIONS : connectionOptions(fields.connection)
  parsed = {
    method,
    target,
    version: minor === 0 ? '1.0' : '1.1',
    host,
    headers: new HeaderBlock(fields.text(), fields.nameBits),
    bodyLength,
    keepAlive: minor === 1 ? !connection.close : connection.keepAlive && !connection.close,
    // RFC 9110 §7.8: Upgrade counts only when Connection names it, and never from HTTP/1.0. With a body it is ignored:
    // node:http would take the body for the first bytes of the tunnel.
    upgrade: connection.upgrade && minor === 1 && bodyLength === 0 ? tunnelledProtocols(fields.upgrade) : '',
    expectContinue: expectContinue && minor === 1,
    acceptsTrailers: fields.te !== '' && /(^|,)\s*trailers\s*(,|$)/i.test(fields.te),
    connectionNames: connection.names,
    seen: fields.seen
  }
  return 0
}

const NEEDS_MORE = 2

/** The minor version 0, or 1 for all later ones (RFC 9110 §2.5), NEEDS_MORE, or a failure. */
function readVersion(buffer: Buffer, p: number, end: number): number {
  const text = 'HTTP/1.'
  for (let i = 0; i < 7; i++) {
    if (p + i >= end) return NEEDS_MORE
    if (buffer[p + i] !== text.charCodeAt(i)) return isVersion(buffer, p, end)
  }
  if (p + 7 >= end) return NEEDS_MORE
  const minor = buffer[p + 7]! - 48
  if (minor < 0 || minor > 9) return BAD_REQUEST_LINE
  return minor === 0 ? 0 : 1
}

/**
 * HTTP/ with other digits is another version (RFC 9112 §2.3: one digit, a dot, one digit); anything else is not a
 * request line.
 */
function isVersion(buffer: Buffer, p: number, end: number): number {
  const line = latin1(buffer, p, Math.min(p + 9, end))
  const like = 'HTTP/0.0\r'
  if (line.replace(/\d/g, '0') !== like.slice(0, line.length)) return BAD_REQUEST_LINE
  return line.length < like.length ? NEEDS_MORE : BAD_VERSION
}

function methodName(buffer: Buffer, start: number, end: number): string {
  // GET and POST are nearly all of the traffic; this saves making a string.
  if (end - start === 3 && buffer[start] === 71 && buffer[start + 1] === 69 && buffer[start + 2] === 84)
    return 'GET'
  return latin1(buffer, start, end)
}
