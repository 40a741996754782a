import { block, frame } from '../wire.ts'
import { END_HEADERS, END_STREAM, pseudo, request, trailers, type Case, type Field, type Forwarded } from './cases.ts' // prettier-ignore

const post = pseudo({ method: 'POST' })
const good: Forwarded = { line: 'GET /x HTTP/1.1', host: 'a.example', body: '' }
const hello: Forwarded = { line: 'POST /x HTTP/1.1', host: 'a.example', body: 'hello' }
const words = (value: unknown): string => JSON.stringify(value)

/** Spellings of names that a lenient reader takes for one that frames a message. */
function* spellings(): Iterable<Case> {
  const frames = ['transfer-encoding', 'content-length', 'host', 'connection', 'te', 'upgrade']
  const ways = [(name: string) => ` ${name}`, (name: string) => `${name} `, (name: string) => `\v${name}`, (name: string) => `${name}\0`, (name: string) => `${name[0]!.toUpperCase()}${name.slice(1)}`, (name: string) => `${name}\xa0`, (name: string) => `${name};x`] // prettier-ignore
  for (const name of frames) {
    for (const way of ways) {
      const value = name === 'content-length' ? '40' : 'chunked'
      yield { name: `the name ${words(way(name))}`, frames: request([...post, [way(name), value]], 'hello') }
    }
  }
  for (const name of ['x=1', 'x;y', '[x]', '{x}', 'x\\', 'x<y', 'x?', 'x\0', '\xadx', 'x\x80']) {
    yield { name: `the name ${words(name)}`, frames: request([...pseudo(), [name, 'v']]) }
  }
  for (const name of [':authority ', ': path', ':METHOD', ':path\0', ':scheme:', '::path', ':authority\t']) {
    yield { name: `the pseudo-field ${words(name)}, odd`, frames: request([...pseudo(), [name, '/y']]) }
  }
  // Not the same name: it goes on as what it is, and frames nothing.
  yield { name: 'transfer_encoding', frames: request([...post, ['transfer_encoding', 'chunked']], 'hello'), forwarded: 'either' } // prettier-ignore
}

function* framing(): Iterable<Case> {
  for (const value of ['xchunked', ' chunked', '\tchunked', 'chunked, identity', 'chunked\0', '"chunked"']) {
    yield { name: `transfer-encoding: ${words(value)}`, frames: request([...post, ['transfer-encoding', value]], 'hello') } // prettier-ignore
  }
  for (const value of [
    'trailers,',
    ',trailers',
    'trailers, trailers',
    'trailers;',
    'chunked',
    'trailers\0'
  ]) {
    yield { name: `te: ${words(value)}`, frames: request([...pseudo(), ['te', value]]) }
  }
  const lengths = ['5;', '5,', ',5', '5\v', '5_0', '+0', '-0', 'NaN', '5 5', '5\t', '\t5', '0x05', '5e0', '4294967301', '18446744073709551621', '5\xa0', 'five', '5, 5', '5;5', "'5'"] // prettier-ignore
  for (const value of lengths) {
    yield { name: `content-length ${words(value)} of five, odd`, frames: request([...post, ['content-length', value]], 'hello') } // prettier-ignore
  }
  yield { name: 'content-length 005', frames: request([...post, ['content-length', '005']], 'hello'), forwarded: 'either' } // prettier-ignore
  const five = block([...post, ['content-length', '5']])
  const data = (flags: number, text: string): Buffer => frame(0, flags, 1, Buffer.from(text, 'latin1'))
  const head = frame(1, END_HEADERS, 1, five)
  const short: Record<string, readonly Buffer[]> = {
    'an empty DATA at the end': [data(END_STREAM, '')],
    'padding alone': [data(END_STREAM | 8, '\x05aaaaa')],
    'four and padding': [data(END_STREAM | 8, '\x01hellx')],
    'four and trailers': [data(0, 'hell'), frame(1, END_HEADERS | END_STREAM, 1, block([['x-t', 'v']]))],
    'trailers alone': [frame(1, END_HEADERS | END_STREAM, 1, block([['x-t', 'v']]))],
    'six in two': [data(0, 'hel'), data(END_STREAM, 'lo!')],
    'fields without END_STREAM': [data(0, 'hello'), frame(1, END_HEADERS, 1, block([['x-t', 'v']]))]
  }
  for (const [what, rest] of Object.entries(short)) {
    yield { name: `content-length 5 and ${what}`, frames: Buffer.concat([head, ...rest]) }
  }
  yield { name: 'five, octet by octet', forwarded: hello, frames: Buffer.concat([head, ...[...'hello'].map((one, at) => data(at === 4 ? END_STREAM : 0, one))]) } // prettier-ignore
  yield { name: 'five and an empty DATA', forwarded: hello, frames: Buffer.concat([head, data(0, 'hello'), data(END_STREAM, '')]) } // prettier-ignore
  for (const method of ['DELETE', 'HEAD', 'OPTIONS', 'TRACE', 'PROPFIND', 'SEARCH']) {
    yield { name: `${method} with a body`, frames: request(pseudo({ method }), '0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n'), forwarded: 'either' } // prettier-ignore
  }
  yield {
    name: 'Expect',
    frames: request([...post, ['expect', '100-continue']], 'hello'),
    forwarded: 'either'
  }
  yield { name: 'an odd Expect', frames: request([...post, ['expect', '100-continue, x']], 'hello'), forwarded: 'either' } // prettier-ignore
}

function* targets(): Iterable<Case> {
  const refused = ['http:/x', 'https://a.example/x', 'http:///x', 'a.example', 'X:/x', '/x HTTP/1.0', '/x\v', '/x\f', '/x?y z', '/x?y\0', '*x', '* ', '', '%2fx', '\t/x', '/x\x1b'] // prettier-ignore
  for (const path of refused)
    yield { name: `the path ${words(path)}, odd`, frames: request(pseudo({ path })) }
  const odd = ['//a.example//x', '/./x', '/x\\..', '/\\b.example', '/x|y', '/x"y', '/<x>', '/`', '/^', '/{x}', '/x\x85', '/x\xa0', '/%2e%2e/x', '/x%20HTTP/1.1', '/?', '/;', '/x%', '/%zz', '/*', '/a/../../b', '/http://b.example/'] // prettier-ignore
  for (const path of odd) yield { name: `the path ${words(path)}, one at most`, frames: request(pseudo({ path })), forwarded: 'either' } // prettier-ignore
  yield { name: 'OPTIONS *', frames: request(pseudo({ method: 'OPTIONS', path: '*' })), forwarded: { line: 'OPTIONS * HTTP/1.1', host: 'a.example', body: '' } } // prettier-ignore
  for (const scheme of ['', 'http ', 'http:', 'http://b.example/', 'h\tttp', 'ht tp', 'http\0', '1http', 'http,https']) {
    yield { name: `the scheme ${words(scheme)}`, frames: request(pseudo({ scheme })) }
  } // prettier-ignore
  for (const scheme of ['ftp', 'HTTP', 'https', 'javascript', 'file']) {
    yield { name: `the scheme ${scheme}, one at most`, frames: request(pseudo({ scheme })), forwarded: 'either' } // prettier-ignore
  }
  const hosts = ['a b', '@', ':80', '[]', '[::1]:x', '[::1]x', 'a.example:65536x', 'a.example\xff', '<a>', 'a"b', 'a|b', 'a^b', 'a`b', '{a}', 'a.example\0', 'a.example\v', ' a.example', 'a.example ', '\ta.example'] // prettier-ignore
  for (const authority of hosts) yield { name: `the authority ${words(authority)}, odd`, frames: request(pseudo({ authority })) } // prettier-ignore
  for (const authority of ['a.example:0', 'a.example:', 'a.example:080', '.', 'a..example', '%41.example', '[::ffff:1.2.3.4]', '*', 'a_b', "a'b", 'a;b', 'a!b', 'A.EXAMPLE', 'a.example.', '1', '0x7f.1', 'a'.repeat(300)]) {
    yield { name: `the authority ${authority.slice(0, 30)}, one at most`, frames: request(pseudo({ authority })), forwarded: 'either' } // prettier-ignore
  } // prettier-ignore
  for (const host of [
    ' a.example',
    'a.example ',
    '',
    'a.example,',
    'a.example;',
    'http://a.example',
    'a.example/'
  ]) {
    yield { name: `Host ${words(host)} alone`, frames: request([...pseudo().slice(0, 3), ['host', host]]) }
  }
  yield { name: 'the pseudo-fields backwards', frames: request(pseudo().reverse()), forwarded: good }
  yield { name: 'an empty authority and Host', frames: request([...pseudo({ authority: '' }), ['host', 'a.example']]), forwarded: 'either' } // prettier-ignore
  yield { name: 'Host in another case', frames: request([...pseudo(), ['host', 'A.example']]), forwarded: 'either' } // prettier-ignore
  yield { name: 'Host with the port of the scheme', frames: request([...pseudo(), ['host', 'a.example:80']]), forwarded: 'either' } // prettier-ignore
}

function* connects(): Iterable<Case> {
  const extended = (protocol: string, over: readonly Field[] = []): Field[] => [...pseudo({ method: 'CONNECT' }), [':protocol', protocol], ...over] // prettier-ignore
  const heads: Record<string, readonly Field[]> = {
    'CONNECT alone': [[':method', 'CONNECT'], [':authority', 'b.example:443']],
    'CONNECT without authority': [[':method', 'CONNECT']],
    'CONNECT with a path': pseudo({ method: 'CONNECT', authority: 'b.example:443' }),
    'CONNECT in small letters': pseudo({ method: 'connect', path: 'b.example:443' }),
    'CONNECT with an odd authority': [[':method', 'CONNECT'], [':authority', 'b.example:443 HTTP/1.1\r\nx: y']],
    'a protocol of GET': [...pseudo(), [':protocol', 'websocket']],
    'no protocol': extended(''),
    'a protocol with a break': extended('websocket\r\nx: y'),
    'a protocol with a blank': extended('web socket'),
    'two protocols': extended('websocket', [[':protocol', 'websocket']]),
    'a protocol behind a field': [...pseudo({ method: 'CONNECT' }), ['x-a', 'v'], [':protocol', 'websocket']],
    'a protocol without a path': extended('websocket').filter(([name]) => name !== ':path'),
    'a protocol without a scheme': extended('websocket').filter(([name]) => name !== ':scheme'),
    'a protocol with NUL': extended('websocket\0'),
    'a protocol and Upgrade': extended('websocket', [['upgrade', 'h2c']]),
    'a protocol and Connection': extended('websocket', [['connection', 'upgrade']]),
    'a protocol and another Host': extended('websocket', [['host', 'b.example']])
  } // prettier-ignore
  for (const [name, head] of Object.entries(heads)) yield { name, frames: request(head, 'GET /smuggled HTTP/1.1\r\n\r\n') } // prettier-ignore
}

function* others(): Iterable<Case> {
  const forbidden: readonly Field[] = [
    ['host', 'b.example'], ['authorization', 'Basic eA=='], ['cookie', 'a=b'], ['content-type', 'x/y'], ['x-forwarded-for', '1.2.3.4'],
    ['content-encoding', 'gzip'], ['content-range', 'bytes 0-1/2'], ['te', 'trailers'], ['expect', '100-continue'], ['trailer', 'host'], ['cache-control', 'no-store']
  ] // prettier-ignore
  for (const [name, value] of forbidden) {
    const head: readonly Field[] = [...post, ['trailer', name]]
    yield { name: `${name} as a trailer that is announced`, frames: trailers(head, [[name, value]]), forwarded: 'either', withoutTrailer: name } // prettier-ignore
  }
  for (const name of ['', ' ', 'x y', 'X-T', 'x:', 'x\0', ':x']) {
    yield {
      name: `the trailer ${words(name)}`,
      frames: trailers([...post, ['trailer', 'x-t']], [[name, 'v']])
    }
  }
  yield { name: 'crumbs with semicolons', frames: request([...pseudo(), ['cookie', 'a=1;'], ['cookie', ' b=2']]), forwarded: 'either' } // prettier-ignore
  yield { name: 'empty crumbs', frames: request([...pseudo(), ['cookie', ''], ['cookie', ''], ['cookie', 'a=1']]), forwarded: 'either' } // prettier-ignore
  yield { name: 'crumbs with a break', frames: request([...pseudo(), ['cookie', 'a=1'], ['cookie', 'b=2\r\nHost: b.example']]) } // prettier-ignore
  yield { name: 'a folded value', frames: request([...pseudo(), ['x-a', 'v\r\n w']]) }
  yield { name: 'a value folded with HTAB', frames: request([...pseudo(), ['x-a', 'v\n\tw']]) }
  for (const [name, value] of [['http2-settings', 'AAMAAABkAAQAAP__'], ['proxy-authorization', 'Basic eA=='], ['forwarded', 'for="\r'], ['sec-websocket-key', 'x'], ['x-http-method-override', 'DELETE'], ['max-forwards', '0']] as const) {
    yield { name: `${name}: ${words(value)}`, frames: request([...pseudo(), [name, value]]), forwarded: 'either' } // prettier-ignore
  } // prettier-ignore
}

export const moreCases: readonly Case[] = [
  ...spellings(),
  ...framing(),
  ...targets(),
  ...connects(),
  ...others()
]
