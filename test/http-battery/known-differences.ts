/**
 * What our parsers accept and llhttp refuses, each to be fixed in src/l7/http1. A message that shows one of these is left
 * out of the comparison, and the test that names it is marked todo; the list must become empty.
 */
export interface KnownDifference {
  readonly name: string
  readonly type: 'request' | 'response'
  readonly example: string
  /** Whether a generated message may show it. */
  readonly shows: RegExp
}

export const KNOWN_DIFFERENCES: readonly KnownDifference[] = [
  {
    name: 'a tab after Transfer-Encoding: chunked is part of the value',
    type: 'request',
    example: 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\t\r\n\r\n0\r\n\r\n',
    shows: /transfer-encoding:[^\r\n]*\t/i
  },
  {
    name: 'Content-Length may not stand in trailers',
    type: 'request',
    example: 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 5\r\n\r\n',
    shows: /\r\nTransfer-Encoding[^]*\r\n\r\n[^]*content-length/i
  },
  {
    name: 'Proxy-Connection: close ends the connection as Connection: close does',
    type: 'request',
    example: 'GET / HTTP/1.1\r\nHost: a\r\nProxy-Connection: close\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n',
    shows: /proxy-connection/i
  },
  {
    name: 'broken framing fields are refused in 1xx and 204 responses too',
    type: 'response',
    example: 'HTTP/1.1 204 No Content\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
    shows: /HTTP\/1.[01] (1\d\d|204)[^]*(content-length|transfer-encoding)/i
  },
  {
    name: 'nothing follows an interim response that says the connection closes',
    type: 'response',
    example:
      'HTTP/1.1 103 Early Hints\r\nConnection: close\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
    shows: /HTTP\/1.0 1\d\d|HTTP\/1.1 1\d\d[^]*connection:[^\r]*close/i
  }
]

/**
 * Where the llhttp in undici is older than the one in Node 24: an empty Transfer-Encoding is refused now (as by us), and
 * a tab after a Content-Length allowed (as by us).
 */
export const ORACLE_IS_OLDER = /transfer-encoding:[ \t]*\r\n|content-length:[^\r\n]*\t/i

export function showsKnownDifference(type: KnownDifference['type'], bytes: Buffer): boolean {
  const text = bytes.toString('latin1')
  if (ORACLE_IS_OLDER.test(text)) return true
  // What holds for requests' fields holds for responses' too.
  return KNOWN_DIFFERENCES.some(
    (known) => (known.type === 'request' || known.type === type) && known.shows.test(text)
  )
}
