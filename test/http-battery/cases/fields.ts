import { forwarded, message, raw, refused, type RequestCase } from '../request-case.ts'

const field = (text: string): string => message('GET / HTTP/1.1', [text, 'X-After: 1'])
const kept = (name: string, text: string): RequestCase =>
  forwarded(name, field(text), { line: 'GET /', has: [text, 'X-After: 1'] })

/** Field lines (RFC 9112 §5, RFC 9110 §5). */
export const fieldCases: readonly RequestCase[] = [
  kept('an ordinary field', 'X-A: b'),
  kept('a field without a value', 'X-A:'),
  forwarded('white space around a value', field('X-A: \t b c \t '), { line: 'GET /', has: ['X-A: b c'] }),
  forwarded('white space behind a value', field('X-A: b  '), { line: 'GET /', has: ['X-A: b'] }),
  forwarded('white space behind Host', raw('GET / HTTP/1.1', ['Host: a '], ''), { line: 'GET /', host: 'a' }),
  forwarded('white space for a value', field('X-A:  \t'), { line: 'GET /', has: ['X-A:'] }),
  refused('Authorization twice', message('GET / HTTP/1.1', ['Authorization: a', 'authorization: b'])),
  refused('Content-Type twice', message('GET / HTTP/1.1', ['Content-Type: a/b', 'Content-type: a/b'])),
  ...['X_Request_Id', 'x_request-id', 'X.Forwarded.For', 'X!Real!IP', 'X_Original_URL'].map((name) =>
    forwarded(`${name} is taken for a field of the proxy's`, field(`${name}: 6.6.6.6`), {
      line: 'GET /',
      hasNot: [name.toLowerCase()]
    })
  ),
  forwarded('no space after the colon', field('X-A:b'), { line: 'GET /', has: ['X-A: b'] }),
  kept('a tab inside a value', 'X-A: b\tc'),
  kept('obs-text in a value', 'X-A: caf\xe9'),
  kept('UTF-8 in a value', 'X-A: caf\xc3\xa9'),
  kept('all the marks of a token in a name', "X!#$%&'*+-.^_`|~9: b"),
  kept('a colon in a value', 'X-A: b:c: d'),
  kept('quotes in a value', 'X-A: "b, c"'),
  kept('an underscore in a name', 'X_A: b'),
  forwarded('duplicates keep their order', message('GET / HTTP/1.1', ['X-A: 1', 'X-B: 2', 'x-a: 3']), {
    line: 'GET /',
    has: ['X-A: 1', 'X-B: 2', 'x-a: 3']
  }),
  kept('a value of 8,000 letters', `X-A: ${'v'.repeat(8000)}`),
  ...[
    ['a space before the colon', 'X-A : b'],
    ['a tab before the colon', 'X-A\t: b'],
    ['a space in a name', 'X A: b'],
    ['no colon', 'X-A'],
    ['nothing before the colon', ': b'],
    ['a colon alone', ':'],
    ['a name in brackets', '(X): b'],
    ['a name with a comma', 'X,A: b'],
    ['a name with a semicolon', 'X;A: b'],
    ['a name with an at sign', 'X@A: b'],
    ['a name with a quote', 'X"A: b'],
    ['a name with a slash', 'X/A: b'],
    ['a name with a backslash', 'X\\A: b'],
    ['a name with an equals sign', 'X=A: b'],
    ['a name with braces', 'X{A}: b'],
    ['a name with a NUL', 'X\x00A: b'],
    ['a name with a DEL', 'X\x7fA: b'],
    ['a name with obs-text', 'X-\xe9: b'],
    ['a NUL in a value', 'X-A: b\x00c'],
    ['a bell in a value', 'X-A: b\x07c'],
    ['a backspace in a value', 'X-A: b\x08c'],
    ['a vertical tab in a value', 'X-A: b\x0bc'],
    ['a form feed in a value', 'X-A: b\x0cc'],
    ['an escape in a value', 'X-A: b\x1bc'],
    ['a DEL in a value', 'X-A: b\x7fc'],
    ['a bare CR in a value', 'X-A: b\rc'],
    ['a bare CR before a field', 'X-A: b\rX-B: c'],
    ['a bare LF in a value', 'X-A: b\nX-B: c'],
    ['CR CR LF at the end of a line', 'X-A: b\r'],
    ['a folded line', 'X-A: b\r\n c'],
    ['a line folded with a tab', 'X-A: b\r\n\tc'],
    ['a folded line that is empty', 'X-A: b\r\n '],
    ['a value on the next line', 'X-A:\r\n b']
  ].map(([name, text]) => refused(name!, field(text!))),
  refused('a space before the first field', raw('GET / HTTP/1.1', [' Host: a'])),
  refused(
    'white space between the request line and the fields',
    raw('GET / HTTP/1.1', [' X-A: b', 'Host: a'])
  ),
  refused('a line of a space before the fields end', raw('GET / HTTP/1.1', ['Host: a', ' '])),
  refused('the head ends in LF alone', 'GET / HTTP/1.1\r\nHost: a\r\n\n'),
  refused('the head ends in CR CR LF', 'GET / HTTP/1.1\r\nHost: a\r\n\r\r\n')
]
