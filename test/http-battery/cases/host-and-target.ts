import { forwarded, message, raw, refused, type RequestCase } from '../request-case.ts'

const host = (text: string): string => raw('GET / HTTP/1.1', [`Host: ${text}`])
const target = (text: string): string => message(`GET ${text} HTTP/1.1`)

/** Host (RFC 9110 §7.2, RFC 9112 §3.2) and the forms of the request-target. */
export const hostAndTargetCases: readonly RequestCase[] = [
  refused('no Host', raw('GET / HTTP/1.1', [])),
  refused('two Hosts', raw('GET / HTTP/1.1', ['Host: a', 'Host: b'])),
  refused('two equal Hosts', raw('GET / HTTP/1.1', ['Host: a', 'Host: a'])),
  refused('an empty Host', host('')),
  ...[
    'a b',
    'u@a',
    'u:p@a',
    'a/b',
    '/a',
    'http://a',
    'a?b',
    'a#b',
    'a\\b',
    'a,b',
    'a, b',
    'a;b',
    'a"b',
    '"a"',
    'a<b',
    'a{b}',
    'a|b',
    'a%00',
    'a\x00',
    'a\x0b',
    'a:x',
    'a:-1',
    'a:99999',
    'a:80:80',
    'a:80x',
    ':80',
    '[::1',
    '::1',
    '[::1]x',
    '[1.2.3.4]',
    '[zz]',
    '.',
    '\xe9'
  ].map((text) => refused(`Host ${JSON.stringify(text)}`, host(text))),
  ...[
    'a',
    'A.Example',
    'a.example:8080',
    '127.0.0.1',
    '127.0.0.1:80',
    '[::1]',
    '[::1]:8080',
    'a_b.example',
    'xn--bcher-kva.example',
    'a.example.'
  ].map((text) => forwarded(`Host ${text} is passed on`, host(text), { line: 'GET /', host: text })),
  forwarded('HTTP/1.0 without a Host', raw('GET / HTTP/1.0', []), { line: 'GET /' }),
  refused('a Host of 10,000 letters', host('a'.repeat(10_000))),
  forwarded('absolute form: its host counts', raw('GET http://b.example/x?y HTTP/1.1', ['Host: a']), {
    line: 'GET /x?y',
    host: 'b.example'
  }),
  forwarded('absolute form with a port', raw('GET http://b.example:81/x HTTP/1.1', ['Host: b.example:81']), {
    line: 'GET /x',
    host: 'b.example:81'
  }),
  forwarded('absolute form without a path', raw('GET http://b.example HTTP/1.1', ['Host: b.example']), {
    line: 'GET /',
    host: 'b.example'
  }),
  forwarded('absolute form with a query only', raw('GET http://b.example?q HTTP/1.1', ['Host: b.example']), {
    line: 'GET /?q',
    host: 'b.example'
  }),
  forwarded('absolute form in capitals', raw('GET HTTP://b.example/x HTTP/1.1', ['Host: b.example']), {
    line: 'GET /x',
    host: 'b.example'
  }),
  refused('absolute form without a Host', raw('GET http://b.example/ HTTP/1.1', [])),
  ...[
    'http://',
    'http:///x',
    'http://u@b/',
    'http://u:p@b/',
    'http://b:x/',
    'http://b:99999/',
    'http:/b',
    'ftp://b/',
    'file:///etc/passwd',
    'javascript:x',
    'http://b\\c/',
    'http://[::1/',
    'http://b#c'
  ].map((text) => refused(`target ${text}`, target(text))),
  ...['a', 'a/b', 'a:80', '?q', '*', '**', '.', '..', '\\', 'x://', '/a#b', '#', '/#/x'].map((text) =>
    refused(`target ${text}`, target(text))
  ),
  refused('POST *', message('POST * HTTP/1.1')),
  forwarded('OPTIONS *', message('OPTIONS * HTTP/1.1'), { line: 'OPTIONS *' }),
  {
    name: 'CONNECT is refused',
    bytes: message('CONNECT b.example:443 HTTP/1.1'),
    expect: { status: [400, 405, 501], closes: false }
  },
  {
    name: 'CONNECT of a path is refused',
    bytes: message('CONNECT / HTTP/1.1'),
    expect: { status: [400, 405, 501], closes: false }
  },
  {
    name: 'TRACE is refused',
    bytes: message('TRACE / HTTP/1.1'),
    expect: { status: [405, 501], closes: false }
  }
]

/** Paths that servers read differently (docs/routing.md). */
export const pathCases: readonly RequestCase[] = [
  ...[
    '/..',
    '/../x',
    '/a/../../x',
    '/%2e%2e/x',
    '/.%2e/x',
    '/..%2fx',
    '/..%5cx',
    '/a\\b',
    '/%00',
    '/a%00.png',
    '/%',
    '/%2',
    '/%zz',
    '/%u002e',
    '/..;/x',
    '/.;x/a',
    '/%2e%2e;/x',
    '/%c0%ae',
    '/%c0%af',
    '/%e0%80%af'
  ].map((text) => ({ name: `path ${text}`, bytes: target(text), expect: { status: 400, closes: false } })),
  forwarded('dot segments are resolved', target('/a/./b/../c?d=..'), { line: 'GET /a/c?d=..' }),
  forwarded('encoded dot segments are resolved', target('/a/%2e%2E/b'), { line: 'GET /b' }),
  forwarded('two slashes at the start become one', target('//b.example/x'), { line: 'GET /b.example/x' }),
  ...[
    '/a//b',
    '/%7euser',
    '/%41',
    '/a%20b',
    '/caf%C3%A9',
    '/a;v=1',
    '/a%252fb',
    // Both readings have the same route here.
    '/a%2fb',
    '/a%2Fb',
    '/a%5cb',
    '/web/http://x/',
    "/!$&'()*+,=:@",
    '/...',
    '/.well-known/x',
    '/?',
    '/?a=%00%2f..',
    '/?a?b',
    '/a|b^{}"<>`'
  ].map((text) => forwarded(`target ${text} goes on as it is`, target(text), { line: `GET ${text}` }))
]
