import { forwarded, message, raw, refused, type RequestCase } from '../request-case.ts'

const line = (text: string): string => message(text)

/** The request line (RFC 9112 §3) and what stands before it. */
export const requestLineCases: readonly RequestCase[] = [
  forwarded('the plainest request', line('GET / HTTP/1.1'), { line: 'GET /', host: 'a' }),
  ...['HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'PROPFIND', 'REPORT', 'QUERY'].map((method) =>
    forwarded(`${method} is forwarded`, line(`${method} /m HTTP/1.1`), { line: `${method} /m` })
  ),
  forwarded('an empty line before the request', '\r\n' + line('GET / HTTP/1.1'), { line: 'GET /' }),
  refused('thousands of empty lines before the request', '\r\n'.repeat(20_000) + line('GET / HTTP/1.1')),
  refused('LF alone before the request', '\n' + line('GET / HTTP/1.1')),
  refused('CR alone before the request', '\r' + line('GET / HTTP/1.1')),
  refused('a space before the request', ' ' + line('GET / HTTP/1.1')),
  refused('a NUL before the request', '\x00' + line('GET / HTTP/1.1')),
  refused('a byte order mark before the request', '\xef\xbb\xbf' + line('GET / HTTP/1.1')),
  refused('two spaces after the method', line('GET  / HTTP/1.1')),
  refused('two spaces before the version', line('GET /  HTTP/1.1')),
  refused('a tab after the method', line('GET\t/ HTTP/1.1')),
  refused('a tab before the version', line('GET /\tHTTP/1.1')),
  refused('a space after the version', line('GET / HTTP/1.1 ')),
  refused('a space in the target', line('GET /a b HTTP/1.1')),
  refused('a NUL in the target', line('GET /a\x00b HTTP/1.1')),
  refused('a tab in the target', line('GET /a\tb HTTP/1.1')),
  refused('a form feed in the target', line('GET /a\x0cb HTTP/1.1')),
  refused('a bare CR in the target', line('GET /a\rb HTTP/1.1'), [400, 505]),
  refused('a DEL in the target', line('GET /a\x7fb HTTP/1.1')),
  refused('bytes over 0x7e in the target', line('GET /\xc3\xa9 HTTP/1.1')),
  refused('no target', line('GET HTTP/1.1'), 400),
  refused('two spaces and no target', line('GET  HTTP/1.1'), 400),
  refused('LF alone after the request line', 'GET / HTTP/1.1\nHost: a\r\n\r\n'),
  refused('CR alone after the request line', 'GET / HTTP/1.1\rHost: a\r\n\r\n'),
  refused('CR CR LF after the request line', 'GET / HTTP/1.1\r\r\nHost: a\r\n\r\n'),
  refused('all lines end in LF alone', 'GET / HTTP/1.1\nHost: a\n\n'),
  refused('no method', line('/ HTTP/1.1'), [400, 501]),
  refused('a space in place of the method', line(' / HTTP/1.1')),
  refused('a method with a NUL', line('GE\x00T / HTTP/1.1')),
  refused('a method with a colon', line('GET: / HTTP/1.1')),
  refused('a method with brackets', line('G(E)T / HTTP/1.1')),
  refused('a method of 10,000 letters', line(`${'G'.repeat(10_000)} / HTTP/1.1`), [400, 414, 431, 501]),
  refused('a method in small letters', line('get / HTTP/1.1'), [400, 405, 501]),
  forwarded('a method of WebDAV with versions', line('VERSION-CONTROL / HTTP/1.1'), {
    line: 'VERSION-CONTROL /'
  }),
  refused('a method that nobody knows', line('FOO / HTTP/1.1'), [405, 501]),
  refused('HTTP/0.9 in two words', 'GET /\r\n\r\n', 400),
  refused('HTTP/0.9 in three', line('GET / HTTP/0.9'), 505),
  forwarded('HTTP/1.2 is served as HTTP/1.1', line('GET / HTTP/1.2'), { line: 'GET /' }),
  refused('HTTP/2.0', line('GET / HTTP/2.0'), 505),
  refused('HTTP/3.0', line('GET / HTTP/3.0'), 505),
  refused('the HTTP/2 preface', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', [400, 505]),
  ...[
    'http/1.1',
    'HTTP/1',
    'HTTP/1.',
    'HTTP/.1',
    'HTTP/11',
    'HTTP/1.1.1',
    'HTTP/1,1',
    'HTTP /1.1',
    'HTTP/ 1.1',
    'HTTP/01.1',
    'HTTP/01.01',
    'HTTP/1.10',
    'HTTP/+1.1',
    'HTTP-1.1',
    'HTTPS/1.1',
    'HTTP/1.1x',
    'HTTP/1.\xb9',
    'RTSP/1.0',
    ''
  ].map((version) => refused(`version ${JSON.stringify(version)}`, line(`GET / ${version}`), 400)),
  refused(
    'TLS at a cleartext listener',
    '\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03' + 'x'.repeat(100),
    400
  ),
  refused('nothing but letters', 'x'.repeat(40_000), [400, 414, 431, 501]),
  refused('a target over the limit', line(`GET /${'a'.repeat(9000)} HTTP/1.1`), 414),
  refused('a target over the limit without an end', `GET /${'a'.repeat(60_000)}`, 414),
  forwarded('a target just under the limit', line(`GET /${'a'.repeat(8000)} HTTP/1.1`), {
    line: `GET /${'a'.repeat(8000)}`
  }),
  refused('a head over the limit', message('GET / HTTP/1.1', [`X-A: ${'a'.repeat(17_000)}`]), 431),
  refused(
    'a head over the limit without an end',
    raw('GET / HTTP/1.1', ['Host: a']).slice(0, -2) + `X-A: ${'a'.repeat(60_000)}`,
    431
  ),
  refused(
    'more fields than the limit',
    message(
      'GET / HTTP/1.1',
      Array.from({ length: 150 }, (_, i) => `X-${i}: 1`)
    ),
    431
  ),
  refused('a field name of 20,000 letters', message('GET / HTTP/1.1', ['X'.repeat(20_000)]), [400, 431])
]
