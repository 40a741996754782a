import type { ErrorCode } from '../../../core/errors.ts'

/** More bytes are needed. A position after a head is always greater. */
export const MORE = 0

/** What a parser returns instead of a position: negative, so that the hot path compares one number. */
export const BAD_REQUEST_LINE = -1
export const BAD_METHOD = -2
export const BAD_TARGET = -3
export const BAD_VERSION = -4
export const BAD_LINE_END = -5
export const BAD_FIELD_NAME = -6
export const BAD_FIELD_VALUE = -7
export const FOLDED = -8
export const TOO_LARGE = -9
export const TOO_MANY_FIELDS = -10
export const URL_TOO_LONG = -11
export const BAD_HOST = -12
export const BAD_LENGTH = -13
export const BAD_CODING = -14
export const UNKNOWN_CODING = -15
export const LENGTH_AND_CODING = -16
export const BAD_STATUS_LINE = -17
export const BAD_CHUNK = -18
export const BAD_TRAILER = -19
export const OLD_CODING = -20
export const BAD_EXPECTATION = -21
export const REPEATED = -22
export const TLS_RECORD = -23

export interface ParseFailure {
  readonly code: ErrorCode
  /** For the log. */
  readonly reason: string
}

const failures: Record<number, ParseFailure> = {
  [BAD_REQUEST_LINE]: { code: 'LB_BAD_REQUEST', reason: 'malformed request line' },
  [BAD_METHOD]: { code: 'LB_NOT_IMPLEMENTED', reason: 'unknown method' },
  [BAD_TARGET]: { code: 'LB_BAD_REQUEST', reason: 'malformed request target' },
  [BAD_VERSION]: { code: 'LB_VERSION', reason: 'not HTTP/1' },
  [BAD_LINE_END]: { code: 'LB_BAD_REQUEST', reason: 'a line must end with CR LF' },
  [BAD_FIELD_NAME]: { code: 'LB_BAD_REQUEST', reason: 'malformed field name' },
  [BAD_FIELD_VALUE]: { code: 'LB_BAD_REQUEST', reason: 'control character in a field value' },
  [FOLDED]: { code: 'LB_BAD_REQUEST', reason: 'folded field line' },
  [TOO_LARGE]: { code: 'LB_HEAD_TOO_LARGE', reason: 'head larger than limits.headBytes' },
  [TOO_MANY_FIELDS]: { code: 'LB_HEAD_TOO_LARGE', reason: 'more fields than limits.headerCount' },
  [URL_TOO_LONG]: { code: 'LB_URL_TOO_LONG', reason: 'target longer than limits.urlBytes' },
  [BAD_HOST]: { code: 'LB_BAD_HOST', reason: 'missing, repeated or malformed Host' },
  [BAD_LENGTH]: { code: 'LB_FRAMING', reason: 'malformed or repeated Content-Length' },
  [BAD_CODING]: { code: 'LB_FRAMING', reason: 'Transfer-Encoding is not exactly "chunked"' },
  [UNKNOWN_CODING]: { code: 'LB_UNSUPPORTED_CODING', reason: 'a transfer coding other than chunked' },
  [LENGTH_AND_CODING]: { code: 'LB_FRAMING', reason: 'both Content-Length and Transfer-Encoding' },
  [BAD_STATUS_LINE]: { code: 'LB_UPSTREAM_PROTOCOL', reason: 'malformed status line' },
  [BAD_CHUNK]: { code: 'LB_FRAMING', reason: 'malformed chunk' },
  [BAD_TRAILER]: { code: 'LB_FRAMING', reason: 'malformed or oversized trailer section' },
  [OLD_CODING]: { code: 'LB_FRAMING', reason: 'Transfer-Encoding in an HTTP/1.0 message' },
  [BAD_EXPECTATION]: { code: 'LB_EXPECTATION', reason: 'an expectation other than 100-continue' },
  [REPEATED]: { code: 'LB_BAD_REQUEST', reason: 'repeated Authorization or Content-Type' },
  [TLS_RECORD]: { code: 'LB_BAD_REQUEST', reason: 'a TLS handshake; this listener has no tls' }
}

/** Code and reason for the log. */
export function parseFailure(failure: number): ParseFailure {
  return failures[failure] ?? { code: 'LB_INTERNAL', reason: `parser returned ${failure}` }
}
