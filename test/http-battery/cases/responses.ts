import type { ResponseCase, SeenByClient } from '../response-case.ts'

const response = (line: string, fields: readonly string[] = [], body = ''): string =>
  `${line}\r\n${fields.map((field) => field + '\r\n').join('')}\r\n${body}`
const ok = (fields: readonly string[], body = ''): string => response('HTTP/1.1 200 OK', fields, body)

const passes = (
  name: string,
  bytes: string,
  expect: SeenByClient,
  rest: Partial<ResponseCase> = {}
): ResponseCase => ({ name, bytes, expect, ...rest })
const bad = (name: string, bytes: string): ResponseCase => ({ name, bytes, expect: { status: 502 } })
/** Broken after its head: the client must not take it for whole. */
const cut = (name: string, bytes: string, close: boolean | 'reset' = false): ResponseCase => ({
  name,
  bytes,
  close,
  expect: 'cut'
})

const CHUNKED = 'Transfer-Encoding: chunked'

/** Responses of backends, whole and broken (RFC 9112 §4, §6, §8). */
export const responseCases: readonly ResponseCase[] = [
  passes('with a length', ok(['Content-Length: 3', 'X-A: b'], 'abc'), {
    status: 200,
    body: 'abc',
    has: ['X-A: b']
  }),
  ...['Content-Length: 3\r\nContent-Length:  3 ', 'Content-Length: 3, 3', 'Content-Length: 3 ,3\t, 3'].map(
    (lengths) =>
      passes(`one length, said again: ${JSON.stringify(lengths)}`, ok([lengths], 'abc'), {
        status: 200,
        body: 'abc',
        has: ['Content-Length: 3'],
        hasNot: ['3, 3', '3 ,3']
      })
  ),
  passes('chunked', ok([CHUNKED], '3\r\nabc\r\n0\r\n\r\n'), { status: 200, body: 'abc' }),
  passes('HTTP/1.2 is read as HTTP/1.1', response('HTTP/1.2 200 OK', [CHUNKED], '3\r\nabc\r\n0\r\n\r\n'), {
    status: 200,
    body: 'abc'
  }),
  passes('white space behind chunk sizes', ok([CHUNKED], '3  \r\nabc\r\n0 \t \r\n\r\n'), {
    status: 200,
    body: 'abc'
  }),
  passes(
    'white space around the parts of chunk extensions',
    ok([CHUNKED], '3 ; a = b ;c="d e" \r\nabc\r\n0\t;\te\t\r\n\r\n'),
    { status: 200, body: 'abc' }
  ),
  cut('white space before a chunk size', ok([CHUNKED], ' 3\r\nabc\r\n0\r\n\r\n')),
  cut('white space within a chunk size', ok([CHUNKED], '1 0\r\nabc\r\n0\r\n\r\n')),
  cut('a chunk extension of white space', ok([CHUNKED], '3; \r\nabc\r\n0\r\n\r\n')),
  passes('until the connection ends', ok([], 'abc'), { status: 200, body: 'abc' }, { close: true }),
  passes(
    'HTTP/1.0 until the connection ends',
    response('HTTP/1.0 200 OK', [], 'abc'),
    { status: 200, body: 'abc' },
    { close: true }
  ),
  passes(
    'HTTP/1.0 with a length',
    response('HTTP/1.0 200 OK', ['Content-Length: 3'], 'abc'),
    { status: 200, body: 'abc' },
    { close: true }
  ),
  passes('without a reason', response('HTTP/1.1 200', ['Content-Length: 0']), { status: 200, body: '' }),
  passes('without a reason, with its space', response('HTTP/1.1 200 ', ['Content-Length: 0']), {
    status: 200,
    body: ''
  }),
  passes('obs-text in the reason', response('HTTP/1.1 200 \xe9', ['Content-Length: 0']), { status: 200 }),
  passes('a status of another class', response('HTTP/1.1 299 X', ['Content-Length: 0']), { status: 299 }),
  passes('a status above 599', response('HTTP/1.1 799 X', ['Content-Length: 0']), { status: 799 }),
  passes('204', response('HTTP/1.1 204 No Content'), {
    status: 204,
    hasNot: ['content-length', 'transfer-encoding']
  }),
  passes('204 with a length of 0', response('HTTP/1.1 204 No Content', ['Content-Length: 0']), {
    status: 204
  }),
  passes('304 with a length', response('HTTP/1.1 304 Not Modified', ['Content-Length: 5', 'ETag: "x"']), {
    status: 304,
    has: ['ETag: "x"']
  }),
  passes(
    'to HEAD with a length',
    ok(['Content-Length: 500']),
    { status: 200, has: ['Content-Length: 500'] },
    { method: 'HEAD' }
  ),
  passes('to HEAD, chunked', ok([CHUNKED]), { status: 200, body: '' }, { method: 'HEAD' }),
  passes('to HEAD without framing', ok(['X-A: b']), { status: 200, has: ['X-A: b'] }, { method: 'HEAD' }),
  passes(
    'after 100 that nobody asked for',
    'HTTP/1.1 100 Continue\r\n\r\n' + ok(['Content-Length: 2'], 'ab'),
    { status: 200, body: 'ab' }
  ),
  passes('after 103', 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n' + ok(['Content-Length: 2'], 'ab'), {
    status: 200,
    body: 'ab',
    interim: [103]
  }),
  passes(
    'after 102 and 103',
    'HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n' + ok(['Content-Length: 2'], 'ab'),
    { status: 200, body: 'ab' }
  ),
  passes(
    'hop-by-hop fields end here',
    ok([
      'Content-Length: 0',
      'Connection: keep-alive, x-hop',
      'Keep-Alive: timeout=9',
      'X-Hop: 1',
      'Proxy-Authenticate: Basic',
      'X-A: b'
    ]),
    { status: 200, has: ['X-A: b'], hasNot: ['x-hop', 'proxy-authenticate'] }
  ),
  passes(
    'Server is kept',
    ok(['Content-Length: 0', 'Server: theirs', 'Set-Cookie: a=1', 'Set-Cookie: b=2']),
    { status: 200, has: ['Server: theirs', 'Set-Cookie: a=1', 'Set-Cookie: b=2'] }
  ),
  passes('a chunk extension is dropped', ok([CHUNKED], '3;a=b\r\nabc\r\n0\r\n\r\n'), {
    status: 200,
    body: 'abc'
  }),
  passes(
    'trailers',
    ok([CHUNKED, 'Trailer: X-T'], '3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n'),
    { status: 200, body: 'abc' },
    { fields: ['TE: trailers'] }
  ),
  passes('a body of 300,000 bytes', ok(['Content-Length: 300000'], 'x'.repeat(300_000)), {
    status: 200,
    body: 'x'.repeat(300_000)
  }),
  passes(
    'what follows a response goes to nobody',
    ok(['Content-Length: 2'], 'abHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil'),
    { status: 200, body: 'ab' }
  ),
  passes('a field value with obs-text', ok(['Content-Length: 0', 'X-A: \xe9']), {
    status: 200,
    has: ['X-A: \xe9']
  }),
  passes(
    'Location is left alone',
    response('HTTP/1.1 302 Found', ['Content-Length: 0', 'Location: http://inner/x']),
    { status: 302, has: ['Location: http://inner/x'] }
  ),

  bad('nothing but letters', 'hello\r\n\r\n'),
  bad('LF alone after the status line', 'HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n'),
  bad('LF alone after a field', 'HTTP/1.1 200 OK\r\nContent-Length: 0\nX-A: b\r\n\r\n'),
  bad('LF alone at the end of the head', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\n'),
  bad('a bare CR in a field', ok(['Content-Length: 0', 'X-A: b\rSet-Cookie: evil=1'])),
  bad('a folded line', ok(['Content-Length: 0', 'X-A: b\r\n c'])),
  bad('a space before a colon', ok(['Content-Length : 0'])),
  bad('a space before the first field', ok([' X-A: b', 'Content-Length: 0'])),
  bad('a NUL in a field', ok(['Content-Length: 0', 'X-A: \x00'])),
  bad('a line without a colon', ok(['Content-Length: 0', 'X-A'])),
  bad('a status of two digits', response('HTTP/1.1 20 OK', ['Content-Length: 0'])),
  bad('a status of four digits', response('HTTP/1.1 2000 OK', ['Content-Length: 0'])),
  bad('a status below 100', response('HTTP/1.1 099 X', ['Content-Length: 0'])),
  bad('a status with a sign', response('HTTP/1.1 +20 OK', ['Content-Length: 0'])),
  bad('a tab after the version', response('HTTP/1.1\t200 OK', ['Content-Length: 0'])),
  bad('no status', response('HTTP/1.1', ['Content-Length: 0'])),
  bad('HTTP/2.0', response('HTTP/2.0 200 OK', ['Content-Length: 0'])),
  bad('HTTP/0.9', 'abc'),
  bad('a control character in the reason', response('HTTP/1.1 200 O\x01K', ['Content-Length: 0'])),
  bad('CL and TE', ok(['Content-Length: 3', CHUNKED], '3\r\nabc\r\n0\r\n\r\n')),
  bad('TE and CL', ok([CHUNKED, 'Content-Length: 3'], '3\r\nabc\r\n0\r\n\r\n')),
  bad('two lengths, different', ok(['Content-Length: 3', 'Content-Length: 4'], 'abcd')),
  bad('a list of lengths', ok(['Content-Length: 3, 4'], 'abcd')),
  bad(
    'equal lengths and one that differs',
    ok(['Content-Length: 3', 'Content-Length: 3', 'Content-Length: 2'], 'abc')
  ),
  bad('a length and a list of it', ok(['Content-Length: 3', 'Content-Length: 3, 3'], 'abc')),
  bad(
    'equal lengths and a coding',
    ok(['Content-Length: 3', 'Content-Length: 3', CHUNKED], '3\r\nabc\r\n0\r\n\r\n')
  ),
  bad('equal lengths that are none', ok(['Content-Length: x', 'Content-Length: x'], 'abc')),
  bad('a list with an empty part', ok(['Content-Length: 3,,3'], 'abc')),
  bad('a length with a plus', ok(['Content-Length: +3'], 'abc')),
  bad('a length with a minus', ok(['Content-Length: -3'], 'abc')),
  bad('a hexadecimal length', ok(['Content-Length: 0x3'], 'abc')),
  bad('an empty length', ok(['Content-Length:'], 'abc')),
  bad('a length of 30 digits', ok([`Content-Length: ${'9'.repeat(30)}`], 'abc')),
  bad('TE: gzip, chunked', ok(['Transfer-Encoding: gzip, chunked'], '0\r\n\r\n')),
  bad('TE: xchunked', ok(['Transfer-Encoding: xchunked'], '0\r\n\r\n')),
  bad('TE: identity', ok(['Transfer-Encoding: identity'], 'abc')),
  bad('TE twice', ok([CHUNKED, CHUNKED], '0\r\n\r\n')),
  bad('TE with a vertical tab', ok(['Transfer-Encoding: \x0bchunked'], '0\r\n\r\n')),
  bad(
    '101 that nobody asked for',
    'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nraw'
  ),
  bad('a head of 1 MB', ok([`X-A: ${'a'.repeat(1_000_000)}`, 'Content-Length: 0'])),
  bad('10,000 fields', ok([...Array.from({ length: 10_000 }, (_, i) => `X-${i}: 1`), 'Content-Length: 0'])),
  bad('thousands of 1xx', 'HTTP/1.1 103 Early Hints\r\nX-A: b\r\n\r\n'.repeat(5000)),
  { name: 'closed before a byte', bytes: '', close: true, expect: { status: 502 } },
  { name: 'reset before a byte', bytes: '', close: 'reset', expect: { status: 502 } },
  { name: 'closed in the status line', bytes: 'HTTP/1.1 2', close: true, expect: { status: 502 } },
  {
    name: 'closed in the head',
    bytes: 'HTTP/1.1 200 OK\r\nContent-Le',
    close: true,
    expect: { status: 502 }
  },

  cut('closed before the length is reached', ok(['Content-Length: 10'], 'abc'), true),
  cut('reset before the length is reached', ok(['Content-Length: 10'], 'abc'), 'reset'),
  cut('closed in a chunk', ok([CHUNKED], '5\r\nabc'), true),
  cut('closed between chunks', ok([CHUNKED], '3\r\nabc\r\n'), true),
  cut('closed after the last size', ok([CHUNKED], '3\r\nabc\r\n0\r\n'), true),
  cut('reset between chunks', ok([CHUNKED], '3\r\nabc\r\n'), 'reset'),
  cut('reset in a body until the end', ok([], 'abc'), 'reset'),
  ...[
    ['a size that is no number', 'xyz\r\nabc\r\n0\r\n\r\n'],
    ['0x before the size', '0x3\r\nabc\r\n0\r\n\r\n'],
    ['a plus before the size', '+3\r\nabc\r\n0\r\n\r\n'],
    ['LF alone after the size', '3\nabc\r\n0\r\n\r\n'],
    ['LF alone after the data', '3\r\nabc\n0\r\n\r\n'],
    ['no line end after the data', '3\r\nabc0\r\n\r\n'],
    ['a size of 2^64 + 3', '10000000000000003\r\nabc\r\n0\r\n\r\n'],
    ['LF alone at the very end', '3\r\nabc\r\n0\r\n\n'],
    ['a broken trailer', '3\r\nabc\r\n0\r\nX T: 1\r\n\r\n'],
    ['a Content-Length in the trailers', '3\r\nabc\r\n0\r\nContent-Length: 5\r\n\r\n'],
    ['an extension of 64 KiB', `3;${'a'.repeat(65_536)}\r\nabc\r\n0\r\n\r\n`]
  ].map(([name, body]) => cut(`chunked: ${name}`, ok([CHUNKED], body)))
]
