import { forwarded, message, raw, refused, type RequestCase } from '../request-case.ts'

const get = (path: string, fields: readonly string[] = []): string => message(`GET ${path} HTTP/1.1`, fields)

/** Connections, hop-by-hop fields and what is added on the way. */
export const connectionCases: readonly RequestCase[] = [
  forwarded(
    'pipelined requests in order',
    get('/1') + get('/2') + get('/3'),
    { line: 'GET /1' },
    { line: 'GET /2' },
    { line: 'GET /3' }
  ),
  forwarded(
    'pipelined with bodies',
    message('POST /1 HTTP/1.1', ['Content-Length: 2'], 'ab') + get('/2'),
    { line: 'POST /1', body: 'ab' },
    { line: 'GET /2' }
  ),
  {
    name: 'a bad request after a good one',
    bytes: get('/1') + 'BAD\r\n\r\n',
    expect: { status: [400, 505], after: 1 }
  },
  {
    name: 'a smuggled request after a good one',
    bytes:
      get('/1') +
      message('POST /2 HTTP/1.1', ['Content-Length: 1', 'Transfer-Encoding: chunked'], '0\r\n\r\n'),
    expect: { status: 400, after: 1 }
  },
  {
    name: 'nothing is read after Connection: close',
    bytes: get('/1', ['Connection: close']) + get('/2'),
    expect: { forwarded: [{ line: 'GET /1' }], closes: true }
  },
  {
    name: 'HTTP/1.0 closes',
    bytes: raw('GET /1 HTTP/1.0', ['Host: a']),
    expect: { forwarded: [{ line: 'GET /1' }], closes: true }
  },
  forwarded('HTTP/1.0 with keep-alive', raw('GET /1 HTTP/1.0', ['Host: a', 'Connection: keep-alive']), {
    line: 'GET /1'
  }),
  {
    name: 'Connection: close among others',
    bytes: get('/1', ['Connection: x-a, Close']),
    expect: { forwarded: [{ line: 'GET /1' }], closes: true }
  },
  ...['h2c', 'HTTP/2.0', 'TLS/1.0', 'h2c/1', '"h2c"', ''].map((protocol) =>
    forwarded(
      `an upgrade to ${protocol === '' ? 'nothing' : protocol} is not asked for`,
      get('/1', [
        'Connection: Upgrade, HTTP2-Settings',
        `Upgrade: ${protocol}`,
        'HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA'
      ]),
      { line: 'GET /1', hasNot: ['upgrade', 'connection', 'http2-settings'] }
    )
  ),
  forwarded(
    'of several protocols those that are tunnelled are asked for',
    get('/1', ['Connection: Upgrade', 'Upgrade: h2c, websocket', 'Upgrade: foo/2']),
    { line: 'GET /1', has: ['Upgrade: websocket, foo/2', 'Connection: Upgrade'] }
  ),
  forwarded(
    'an upgrade with a body is a request with a body',
    message('POST /1 HTTP/1.1', ['Connection: Upgrade', 'Upgrade: foo', 'Content-Length: 2'], 'ab') +
      get('/2'),
    { line: 'POST /1', body: 'ab', hasNot: ['upgrade'] },
    { line: 'GET /2' }
  ),
  forwarded('Expect without a body is not sent on', get('/1', ['Expect: 100-continue']), {
    line: 'GET /1',
    hasNot: ['expect']
  }),
  forwarded(
    'an empty expectation expects nothing',
    message('POST /1 HTTP/1.1', ['Expect:', 'Content-Length: 1'], 'a'),
    { line: 'POST /1', body: 'a', hasNot: ['expect'] }
  ),
  forwarded('Max-Forwards counts down for OPTIONS', message('OPTIONS /1 HTTP/1.1', ['Max-Forwards: 3']), {
    line: 'OPTIONS /1',
    has: ['Max-Forwards: 2']
  }),
  forwarded('Max-Forwards means nothing to GET', get('/1', ['Max-Forwards: 0']), {
    line: 'GET /1',
    has: ['Max-Forwards: 0']
  }),
  {
    name: 'OPTIONS that may go no further is answered here',
    bytes: message('OPTIONS /1 HTTP/1.1', ['Max-Forwards: 0']),
    expect: { status: 200, closes: false }
  },
  forwarded('OPTIONS of a whole server in absolute form', raw('OPTIONS http://b:80 HTTP/1.1', ['Host: a']), {
    line: 'OPTIONS *',
    host: 'b:80'
  }),
  forwarded(
    'hop-by-hop fields end here',
    get('/', [
      'Connection: keep-alive, x-hop',
      'Keep-Alive: timeout=5',
      'Proxy-Connection: keep-alive',
      'TE: gzip',
      'X-Hop: 1',
      'Proxy-Authorization: x',
      'X-Keep: 1'
    ]),
    {
      line: 'GET /',
      has: ['X-Keep: 1'],
      hasNot: ['keep-alive', 'proxy-connection', 'x-hop', 'proxy-authorization']
    }
  ),
  forwarded('Upgrade without Connection: Upgrade ends here', get('/', ['Upgrade: websocket']), {
    line: 'GET /',
    hasNot: ['upgrade']
  }),
  forwarded(
    'HTTP2-Settings ends here',
    get('/', ['Connection: HTTP2-Settings', 'HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA']),
    { line: 'GET /', hasNot: ['http2-settings'] }
  ),
  forwarded('Connection cannot take Host away', get('/', ['Connection: Host']), { line: 'GET /', host: 'a' }),
  forwarded(
    'Connection cannot take the length away',
    message('POST / HTTP/1.1', ['Connection: Content-Length', 'Content-Length: 3'], 'abc'),
    { line: 'POST /', body: 'abc' }
  ),
  forwarded(
    'Connection cannot take X-Forwarded-For away',
    get('/', ['Connection: X-Forwarded-For, X-Forwarded-Proto']),
    { line: 'GET /', has: ['X-Forwarded-For: 127.0.0.1', 'X-Forwarded-Proto: http'] }
  ),
  forwarded(
    'Connection cannot take credentials away',
    get('/', ['Connection: Authorization, Cookie', 'Authorization: x', 'Cookie: y']),
    { line: 'GET /', has: ['Authorization: x', 'Cookie: y'] }
  ),
  forwarded(
    'the client’s address is told, and forged ones are not',
    get('/', [
      'X-Forwarded-For: 6.6.6.6',
      'X-Real-IP: 6.6.6.6',
      'Forwarded: for=6.6.6.6',
      'X-Forwarded-Proto: https',
      'X-Forwarded-Host: evil',
      'X-Forwarded-Prefix: /x'
    ]),
    {
      line: 'GET /',
      has: ['X-Forwarded-For: 127.0.0.1', 'X-Forwarded-Proto: http', 'X-Forwarded-Host: a'],
      hasNot: ['x-forwarded-prefix', 'x-real-ip']
    }
  ),
  forwarded('a forged URL is not passed on', get('/', ['X-Original-URL: /admin', 'X-Rewrite-URL: /admin']), {
    line: 'GET /',
    hasNot: ['x-original-url', 'x-rewrite-url']
  }),
  forwarded('httpoxy is not passed on', get('/', ['Proxy: http://evil']), {
    line: 'GET /',
    hasNot: ['proxy']
  }),
  forwarded('a field order and letter case are kept', get('/', ['ACCEPT: x', 'x-lower: 1', 'X-Upper: 2']), {
    line: 'GET /',
    has: ['ACCEPT: x', 'x-lower: 1', 'X-Upper: 2']
  }),
  forwarded('Via tells of the way', get('/', ['Via: 1.0 fred']), { line: 'GET /', has: ['Via: 1.0 fred'] }),
  refused('an expectation nobody knows', get('/', ['Expect: 200-ok']), [400, 417]),
  forwarded(
    'Expect: 100-continue with the body at once',
    message('POST / HTTP/1.1', ['Expect: 100-continue', 'Content-Length: 2'], 'ab'),
    { line: 'POST /', body: 'ab' }
  ),
  forwarded(
    'Expect: 100-Continue in other letters',
    message('POST / HTTP/1.1', ['expect: 100-Continue', 'Content-Length: 2'], 'ab'),
    { line: 'POST /', body: 'ab' }
  ),
  forwarded(
    'Expect in HTTP/1.0 is ignored',
    raw('POST / HTTP/1.0', ['Host: a', 'Expect: 100-continue', 'Content-Length: 2'], 'ab'),
    { line: 'POST /', body: 'ab' }
  ),
  forwarded(
    'a trailer section after TE: trailers',
    message(
      'POST / HTTP/1.1',
      ['TE: trailers', 'Trailer: X-T', 'Transfer-Encoding: chunked'],
      '1\r\na\r\n0\r\nX-T: 1\r\n\r\n'
    ),
    { line: 'POST /', body: 'a' }
  ),
  forwarded('Max-Forwards goes on', get('/', ['Max-Forwards: 5']), {
    line: 'GET /',
    has: ['Max-Forwards: 5']
  }),
  forwarded(
    'a body of 200,000 bytes',
    message('POST / HTTP/1.1', ['Content-Length: 200000'], 'b'.repeat(200_000)),
    { line: 'POST /', body: 'b'.repeat(200_000) }
  ),
  forwarded(
    'a chunk of 100,000 bytes',
    message(
      'POST / HTTP/1.1',
      ['Transfer-Encoding: chunked'],
      `186a0\r\n${'b'.repeat(100_000)}\r\n0\r\n\r\n`
    ),
    { line: 'POST /', body: 'b'.repeat(100_000) }
  )
]
