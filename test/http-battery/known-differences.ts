/** What our parsers once accepted and llhttp refuses, found by the comparison; each has a test of its own. */
export interface KnownDifference {
  readonly name: string
  readonly type: 'request' | 'response'
  readonly example: string
}

export const KNOWN_DIFFERENCES: readonly KnownDifference[] = [
  {
    name: 'a tab after Transfer-Encoding: chunked is part of the value',
    type: 'request',
    example: 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\t\r\n\r\n0\r\n\r\n'
  },
  {
    name: 'Content-Length may not stand in trailers',
    type: 'request',
    example: 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 5\r\n\r\n'
  },
  {
    name: 'Proxy-Connection: close ends the connection as Connection: close does',
    type: 'request',
    example: 'GET / HTTP/1.1\r\nHost: a\r\nProxy-Connection: close\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n'
  },
  {
    name: 'broken framing fields are refused in 1xx and 204 responses too',
    type: 'response',
    example: 'HTTP/1.1 204 No Content\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n'
  },
  {
    name: 'nothing follows an interim response that says the connection closes',
    type: 'response',
    example:
      'HTTP/1.1 103 Early Hints\r\nConnection: close\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'
  }
]

/**
 * Where the llhttp in undici is older than the one in Node 24: an empty Transfer-Encoding is refused now (as by us), and
 * a tab after a Content-Length allowed (as by us).
 */
export const ORACLE_IS_OLDER = /transfer-encoding:[ \t]*\r\n|content-length:[^\r\n]*\t/i

/** To llhttp only 100 to 103 are interim; RFC 9110 §15.2 has no 1xx with a body. */
const OTHER_INTERIM = /HTTP\/1\.[01] 1(?!0[0-3])\d\d/

/** RFC 9110 §2.5: a minor version that is not known is served as the latest that is; llhttp refuses it. */
const LATER_MINOR = /HTTP\/1\.[2-9][\r ]/

/** RFC 3253, RFC 3648, RFC 4437: methods that llhttp does not know. */
const WEBDAV =
  /(?:^|\n)(?:BASELINE-CONTROL|CHECKIN|LABEL|MKWORKSPACE|UNCHECKOUT|UPDATE|VERSION-CONTROL|ORDERPATCH|MKREDIRECTREF|UPDATEREDIRECTREF) /

/** In responses: RFC 9112 §7.1.1 has white space around the parts of extensions, and old servers pad sizes with it. */
const PADDED_CHUNK = /\r\n[0-9a-f]+(?=[^\r\n]*[ \t])[ \t;][^\r\n]*\r\n/i

/** In responses: RFC 9112 §6.3 has a length that is said more than once, and always the same, read as one. */
const SAID_AGAIN =
  /content-length:[ \t]*(\d+)[ \t]*(?:,[ \t]*\1\b|\r\n(?:[^\r\n]+\r\n)*content-length:[ \t]*\1[ \t]*\r\n)/i

/** Messages that are left out of the comparison. */
export function showsKnownDifference(bytes: Buffer): boolean {
  const text = bytes.toString('latin1')
  return (
    ORACLE_IS_OLDER.test(text) ||
    OTHER_INTERIM.test(text) ||
    LATER_MINOR.test(text) ||
    WEBDAV.test(text) ||
    (text.startsWith('HTTP/') && (PADDED_CHUNK.test(text) || SAID_AGAIN.test(text)))
  )
}
