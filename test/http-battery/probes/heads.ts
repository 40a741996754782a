import { HOST, only, post, refused, served, start, get, type Probe } from './probe.ts'

export const requestLineProbes: readonly Probe[] = [
  served('a plain request', `${get}\r\n`),
  refused('LF alone after the request line', `GET / HTTP/1.1\n${HOST}\r\n\r\n`),
  refused('CR alone after the request line', `GET / HTTP/1.1\r${HOST}\r\n\r\n`),
  refused('two spaces in the request line', start('GET  / HTTP/1.1') + '\r\n'),
  refused('a tab in the request line', start('GET\t/ HTTP/1.1') + '\r\n'),
  refused('no target', start('GET HTTP/1.1') + '\r\n'),
  refused('a fragment in the target', start('GET /path#frag HTTP/1.1') + '\r\n'),
  refused('a space in the target', start('GET /pa th HTTP/1.1') + '\r\n'),
  refused('* for GET', start('GET * HTTP/1.1') + '\r\n'),
  served('* for OPTIONS', start('OPTIONS * HTTP/1.1') + '\r\n'),
  served('the absolute form', start('GET http://localhost:8080/ HTTP/1.1') + '\r\n'),
  only('the absolute form of another host', start('GET http://other.example/ HTTP/1.1') + '\r\n', [200, 400]),
  refused('HTTP/9.9', start('GET / HTTP/9.9') + '\r\n', [505]),
  refused('HTTP/0.9', 'GET /\r\n'),
  refused('no version behind a space', 'GET / \r\n\r\n'),
  refused('HTTP/1', start('GET / HTTP/1') + '\r\n'),
  refused('HTTP/01.01', start('GET / HTTP/01.01') + '\r\n'),
  refused('a space within the version', start('GET / HTTP/ 1.1') + '\r\n'),
  refused('a version in small letters', start('GET / http/1.1') + '\r\n'),
  served('HTTP/1.2', start('GET / HTTP/1.2') + '\r\n'),
  served('an empty line before the request', `\r\n\r\n${get}\r\n`),
  refused('text before the method', `Extra line${get}\r\n`),
  refused('a method in small letters', start('get / HTTP/1.1') + '\r\n', [400, 405, 501]),
  refused('an unknown method', start('FOOBAR / HTTP/1.1') + '\r\n', [400, 405, 501]),
  refused('CONNECT', 'CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n', [400, 405, 501]),
  only('TRACE', start('TRACE / HTTP/1.1') + '\r\n', [405, 501]),
  only('TRACE with a body', start('TRACE / HTTP/1.1') + 'Content-Length: 5\r\n\r\nhello', [400, 405, 501]),
  only('TRACE with credentials', start('TRACE / HTTP/1.1') + 'Authorization: Bearer s\r\n\r\n', [405, 501]),
  served('a target of 7,900 letters', start(`GET /${'a'.repeat(7900)} HTTP/1.1`) + '\r\n'),
  refused(
    'a target of 100,000 letters',
    start(`GET /${'A'.repeat(100_000)} HTTP/1.1`) + '\r\n',
    [400, 414, 431]
  ),
  // RFC 9112 §3: a method longer than any that is known.
  refused('a method of 300 letters', start(`${'A'.repeat(300)} / HTTP/1.1`) + '\r\n', [501]),
  // No method is so long: suites take it for a malformed line.
  refused('a method of 100,000 letters', start(`${'A'.repeat(100_000)} / HTTP/1.1`) + '\r\n', [400]),
  refused('NUL in the target', start('GET /\0test HTTP/1.1') + '\r\n'),
  refused('bytes over 0x7f in the target', start('GET /caf\xc3\xa9 HTTP/1.1') + '\r\n'),
  refused('spaces alone', '   \r\n\r\n'),
  refused('no HTTP', `${'\x16\x8d\x02\xfe\x00\x7b'.repeat(40)}\r\n\r\n`)
]

export const fieldProbes: readonly Probe[] = [
  refused('LF alone after a field', `GET / HTTP/1.1\r\n${HOST}\nX-Test: value\r\n\r\n`),
  refused('a folded field', `${get}X-Test: value\r\n continued\r\n\r\n`),
  refused('a space before the colon', `${get}X-Test : value\r\n\r\n`),
  refused('an empty name', `${get}: empty-name\r\n\r\n`),
  refused('brackets in a name', `${get}Bad[Name: value\r\n\r\n`),
  refused('no colon', `${get}NoColonHere\r\n\r\n`),
  refused('bytes over 0x7f in a name', `${get}X-T\xc3\xabst: value\r\n\r\n`),
  refused('white space before the first field', `GET / HTTP/1.1\r\n \r\n${HOST}\r\n\r\n`),
  refused('control characters in a value', `${get}X-Test: abc\x07\x08\x0bdef\r\n\r\n`),
  refused('CR alone in a value', `${post}Content-Length: 5\r\nX-Test: val\rue\r\n\r\nhello`),
  refused('CR alone in place of the empty line', `${get}\rSome-Header: Test\r\n\r\n`),
  refused('a value of 100,000 letters', `${get}X-Big: ${'B'.repeat(100_000)}\r\n\r\n`, [400, 431]),
  refused('a name of 100,000 letters', `${get}${'A'.repeat(100_000)}: val\r\n\r\n`, [400, 431]),
  refused('10,000 fields', `${get}${'X-H: value\r\n'.repeat(10_000)}\r\n`, [400, 431]),
  served('an empty value', `${get}X-Empty-Header: \r\n\r\n`),
  served(
    'a tab before Host’s value and an empty value',
    'GET / HTTP/1.1\r\nhoSt:\texample.com\r\nempty:\r\n\r\n'
  ),
  refused('no Host', 'GET / HTTP/1.1\r\n\r\n'),
  refused('a length but no Host', 'GET / HTTP/1.1\r\nContent-Length: 5\r\n\r\n'),
  refused('an empty Host', 'GET / HTTP/1.1\r\nHost: \r\n\r\n'),
  refused('two Hosts that differ', `${get}Host: other.example.com\r\n\r\n`),
  refused('two Hosts that agree', `${get}${HOST}\r\n\r\n`),
  refused('a user in Host', 'GET / HTTP/1.1\r\nHost: user@localhost:8080\r\n\r\n'),
  refused('a path in Host', `GET / HTTP/1.1\r\n${HOST}/path\r\n\r\n`),
  refused('a list in Host', `GET / HTTP/1.1\r\n${HOST}, other.example.com\r\n\r\n`),
  only('HTTP/1.0 without Host', 'GET / HTTP/1.0\r\n\r\n', [200, 400], { closes: true }),
  refused('an unknown expectation', `${get}Expect: 200-ok\r\n\r\n`, [417]),
  refused(
    'two content types',
    `${post}Content-Length: 5\r\nContent-Type: text/plain\r\nContent-Type: text/html\r\n\r\nhello`
  ),
  served('an unknown Accept', `${get}Accept: application/x-nonsense\r\n\r\n`),
  served(
    'an unknown type of body',
    `${post}Content-Length: 5\r\nContent-Type: application/x-nonsense\r\n\r\nhello`
  ),
  served('Range with POST', `${post}Content-Length: 5\r\nRange: bytes=0-10\r\n\r\nhello`, {
    echoes: 'hello'
  }),
  served('a broken Range', `${get}Range: bytes=abc-xyz\r\n\r\n`),
  served('Connection: close', `${get}Connection: close\r\n\r\n`, { closes: true }),
  served('HTTP/1.0', start('GET / HTTP/1.0') + '\r\n', { closes: true }),
  served('HEAD', start('HEAD / HTTP/1.1') + '\r\n', { echoes: '' }),
  served('Date in an answer', `${get}\r\n`, { field: 'date' }),
  only('405 names what is allowed', start('DELETE / HTTP/1.1') + '\r\n', [405], { field: 'allow' }),
  only('204 has no length', start('OPTIONS /204 HTTP/1.1') + '\r\n', [204], { field: '!content-length' }),
  ...['foo=\0bar', 'foo=\x01\x02\x03'].map((cookie) =>
    refused(`a cookie ${JSON.stringify(cookie)}`, `${get}Cookie: ${cookie}\r\n\r\n`)
  ),
  ...['', '===;;;', 'a=1\r\nCookie: b=2'].map((cookie) =>
    served(`a cookie ${JSON.stringify(cookie)}`, `${get}Cookie: ${cookie}\r\n\r\n`)
  ),
  served(
    '1,000 cookies',
    `${get}Cookie: ${Array.from({ length: 1000 }, (_, i) => `k${i}=v${i}`).join('; ')}\r\n\r\n`
  ),
  only('a cookie of 64 KiB', `${get}Cookie: big=${'A'.repeat(65_536)}\r\n\r\n`, [200, 400, 431])
]
