import { block, frame } from '../wire.ts'

export type Field = readonly [name: string, value: string]

/** What the backend is to see of a request that is forwarded. */
export interface Forwarded {
  readonly line: string
  readonly host: string
  readonly body: string
  /** One of its lines, when that matters. */
  readonly field?: string
}

/** One request over HTTP/2, in frames, and what may come of it at a backend of HTTP/1.1. */
export interface Case {
  readonly name: string
  /** Its frames, on stream 1. */
  readonly frames: Buffer
  /** Left out: nothing of it may be complete there. `either`: refused, or forwarded as one request. */
  readonly forwarded?: Forwarded | 'either'
  /** A name that no trailer may have there. */
  readonly withoutTrailer?: string
}

export const END_STREAM = 1
export const END_HEADERS = 4
const PADDED = 8
const DATA = 0
const HEADERS = 1
const CONTINUATION = 9

export const pseudo = (
  over: Partial<Record<'method' | 'scheme' | 'path' | 'authority', string>> = {}
): Field[] =>
  Object.entries({ method: 'GET', scheme: 'http', path: '/x', authority: 'a.example', ...over }).map(
    ([name, value]) => [`:${name}`, value]
  )

export function request(fields: readonly Field[], ...data: readonly string[]): Buffer {
  const head = frame(HEADERS, END_HEADERS | (data.length === 0 ? END_STREAM : 0), 1, block(fields))
  const rest = data.map((text, at) =>
    frame(DATA, at === data.length - 1 ? END_STREAM : 0, 1, Buffer.from(text, 'latin1'))
  )
  return Buffer.concat([head, ...rest])
}

const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nHost: b.example\r\n\r\n'
const good: Forwarded = { line: 'GET /x HTTP/1.1', host: 'a.example', body: '' }

/** Bytes that end a line somewhere, or a text. */
const BREAKS: readonly Field[] = [
  ['CR', '\r'],
  ['LF', '\n'],
  ['CRLF', '\r\n'],
  ['NUL', '\0'],
  ['CRLF and a field', '\r\nTransfer-Encoding: chunked'],
  ['LF and a field', '\nContent-Length: 40'],
  ['a whole request', `\r\n\r\n${SMUGGLED}`]
]
const PLACES: readonly [string, (text: string) => string][] = [
  ['first', (text) => `${text}v`],
  ['within', (text) => `v${text}w`],
  ['last', (text) => `v${text}`]
]

function* breaks(): Iterable<Case> {
  for (const [what, text] of BREAKS) {
    for (const [where, put] of PLACES) {
      for (const name of ['x-a', 'cookie', 'user-agent', 'referer', 'content-type', 'x-forwarded-for']) {
        yield { name: `${what} ${where} in ${name}`, frames: request([...pseudo(), [name, put(text)]]) }
      }
      for (const name of ['method', 'scheme', 'authority'] as const) {
        yield { name: `${what} ${where} in :${name}`, frames: request(pseudo({ [name]: put(text) })) }
      }
      yield { name: `${what} ${where} in :path`, frames: request(pseudo({ path: `/${put(text)}` })) }
      yield { name: `${what} ${where} in a name`, frames: request([...pseudo(), [put(text), 'v']]) }
      yield {
        name: `${what} ${where} in a trailer`,
        frames: trailers(pseudo({ method: 'POST' }), [['x-t', put(text)]])
      }
    }
  }
}

export function trailers(head: readonly Field[], fields: readonly Field[]): Buffer {
  return Buffer.concat([
    frame(HEADERS, END_HEADERS, 1, block(head)),
    frame(DATA, 0, 1, Buffer.from('body')),
    frame(HEADERS, END_HEADERS | END_STREAM, 1, block(fields))
  ])
}

function* names(): Iterable<Case> {
  const odd = ['', ' ', 'x y', ' x', 'x ', 'x:', ':', 'x:y', 'X-A', 'Content-length', 'x\t', 'x\x7f', 'x\xe4', '(x)', 'x/y', 'x"', 'x,y', 'x@y', 'host: b.example\r\nx', 'transfer-encoding:'] // prettier-ignore
  for (const name of odd) yield { name: `the name ${JSON.stringify(name)}`, frames: request([...pseudo(), [name, 'v']]) } // prettier-ignore
  const ofConnection: readonly Field[] = [
    ['connection', 'close'], ['connection', 'content-length'], ['connection', ''], ['keep-alive', '1'], ['proxy-connection', 'x'],
    ['transfer-encoding', 'chunked'], ['transfer-encoding', 'identity'], ['transfer-encoding', ''], ['upgrade', 'h2c'], ['upgrade', 'websocket'],
    ['te', 'gzip'], ['te', 'trailers, gzip'], ['te', 'trailers;q=1'], ['te', '']
  ] // prettier-ignore
  for (const [name, value] of ofConnection) {
    yield { name: `${name}: ${value}`, frames: request([...pseudo(), [name, value]]) }
    yield {
      name: `${name}: ${value}, with a body`,
      frames: request([...pseudo({ method: 'POST' }), [name, value]], '0\r\n\r\n', SMUGGLED)
    }
    yield { name: `${name}: ${value}, as a trailer`, frames: trailers(pseudo({ method: 'POST' }), [[name, value]]), forwarded: 'either' } // prettier-ignore
  }
}

function* pseudoFields(): Iterable<Case> {
  for (const left of [':method', ':scheme', ':path']) {
    yield { name: `no ${left}`, frames: request(pseudo().filter(([name]) => name !== left)) }
  }
  for (const twice of pseudo()) {
    yield { name: `${twice[0]} twice`, frames: request([...pseudo(), twice]) }
    yield { name: `${twice[0]} behind a field`, frames: request([...pseudo().filter((field) => field !== twice && field[0] !== twice[0]), ['x-a', 'v'], twice]) } // prettier-ignore
    yield { name: `${twice[0]} as a trailer`, frames: trailers(pseudo({ method: 'POST' }), [twice]) }
  }
  for (const name of [':status', ':x', ':', ':Path', ':host', ':protocol']) {
    yield { name: `the pseudo-field ${name}`, frames: request([[name, '200'], ...pseudo()]) }
  }
  const methods = ['', ' ', 'GE T', 'GET ', ' GET', 'GET / HTTP/1.1', `GET / HTTP/1.1\r\nHost: x\r\n\r\nGET`, 'G:ET', 'GET\t', 'G\xc4T', 'CONNECT', 'get', 'PRI', 'GET,POST', 'A'.repeat(300)] // prettier-ignore
  for (const method of methods) yield { name: `the method ${method.slice(0, 20)}`, frames: request(pseudo({ method })) } // prettier-ignore
  const paths = ['', ' ', 'x', '/a b', '/a HTTP/1.1', '/a HTTP/1.1\r\nx: y', '/#f', '/a\t', '/a\x7f', '*', '?q', '\\x', 'http://b.example/', 'b.example:80', '//\r\n', ' /', '/ '] // prettier-ignore
  for (const path of paths)
    yield { name: `the path ${JSON.stringify(path)}`, frames: request(pseudo({ path })) }
  for (const path of ['//b.example/', '/a/../b', '/%0d%0a', '/%00', '/a;b', '/\xe4', '/?a b=c'.replace(' ', '%20'), '/@b.example']) {
    yield { name: `the path ${path}, one request at most`, frames: request(pseudo({ path })), forwarded: 'either' } // prettier-ignore
  } // prettier-ignore
  const authorities = ['b example', 'b.example/x', 'u@b.example', 'u:p@b.example', 'b.example#', 'b.example?x', 'b\\c', 'b,c', 'b:80:80', 'b:x', '[::1', 'b.example\tc', 'b.example, a.example'] // prettier-ignore
  for (const authority of authorities) yield { name: `the authority ${JSON.stringify(authority)}`, frames: request(pseudo({ authority })) } // prettier-ignore
  for (const host of ['b.example', 'a.example:81', '', 'a.example, b.example', 'a.example\tx']) {
    yield { name: `Host ${host} beside another authority`, frames: request([...pseudo(), ['host', host]]) }
  }
  yield { name: 'Host twice', frames: request([...pseudo(), ['host', 'a.example'], ['host', 'a.example']]) }
  yield { name: 'Host twice, alone', frames: request([...pseudo({ authority: '' }).slice(0, 3), ['host', 'a.example'], ['host', 'b.example']]) } // prettier-ignore
  yield { name: 'no host at all', frames: request(pseudo().slice(0, 3)) }
  yield { name: 'Host that agrees', frames: request([...pseudo(), ['host', 'a.example']]), forwarded: good }
  yield { name: 'Host alone', frames: request([...pseudo().slice(0, 3), ['host', 'a.example']]), forwarded: good } // prettier-ignore
}

function* lengths(): Iterable<Case> {
  const post = pseudo({ method: 'POST' })
  const wrong = ['4', '6', '0', '+5', '-5', '0x5', '5,5', '5, 6', ' 5', '5 ', '5.0', '1e1', '', 'five', '99999999999999999999', '05x'] // prettier-ignore
  for (const value of wrong) {
    const frames = request([...post, ['content-length', value]], 'hello')
    // Of no bytes it is whole with its head, which goes on before the body shows that this was no truth.
    const forwarded = value === '0' ? ({ forwarded: 'either' } as const) : {}
    yield { name: `content-length ${JSON.stringify(value)} of five`, frames, ...forwarded }
  }
  for (const [one, two] of [['5', '5'], ['5', '6'], ['6', '5'], ['5', '0']] as const) {
    yield { name: `content-length ${one} and ${two}`, frames: request([...post, ['content-length', one], ['content-length', two]], 'hello') } // prettier-ignore
  } // prettier-ignore
  yield { name: 'a length without a body', frames: request([...post, ['content-length', '5']]) }
  yield { name: 'a length and a coding', frames: request([...post, ['content-length', '5'], ['transfer-encoding', 'chunked']], 'hello') } // prettier-ignore
  yield { name: 'content-length as a trailer', frames: trailers(post, [['content-length', '40']]), forwarded: 'either' } // prettier-ignore
  const whole = (body: string): Forwarded => ({ line: 'POST /x HTTP/1.1', host: 'a.example', body })
  yield { name: 'the right length', frames: request([...post, ['content-length', '5']], 'hello'), forwarded: whole('hello') } // prettier-ignore
  yield { name: 'no length', frames: request(post, 'hel', 'lo'), forwarded: whole('hello') }
  for (const body of [SMUGGLED, `0\r\n\r\n${SMUGGLED}`, '\r\n\r\n', `5\r\nhello\r\n0\r\n\r\n`, '\0']) {
    yield { name: `the body ${JSON.stringify(body.slice(0, 12))}`, frames: request(post, body), forwarded: whole(body) } // prettier-ignore
    yield { name: `the body ${JSON.stringify(body.slice(0, 12))}, of GET`, frames: request([...pseudo(), ['content-length', String(body.length)]], body), forwarded: { ...good, body } } // prettier-ignore
  }
  yield { name: 'padding is no body', forwarded: whole('hello'), frames: Buffer.concat([
    frame(HEADERS, END_HEADERS | PADDED, 1, Buffer.concat([Buffer.from([3]), block([...post, ['content-length', '5']]), Buffer.from('GET')])),
    frame(DATA, PADDED | END_STREAM, 1, Buffer.from(`\x04hello\r\n\r\n`, 'latin1'))
  ]) } // prettier-ignore
  yield { name: 'padding longer than its frame', frames: Buffer.concat([frame(HEADERS, END_HEADERS, 1, block(post)), frame(DATA, PADDED | END_STREAM, 1, Buffer.from('\xffhello', 'latin1'))]) } // prettier-ignore
}

function* others(): Iterable<Case> {
  yield { name: 'cookie crumbs', frames: request([...pseudo(), ['cookie', 'a=1'], ['x-a', 'v'], ['cookie', 'b=2']]), forwarded: { ...good, field: 'cookie: a=1; b=2' } } // prettier-ignore
  yield { name: 'te: trailers', frames: request([...pseudo(), ['te', 'trailers']]), forwarded: good }
  for (const value of [' v', 'v ', '\tv', 'v\t']) {
    yield { name: `the value ${JSON.stringify(value)}`, frames: request([...pseudo(), ['x-a', value]]), forwarded: 'either' } // prettier-ignore
  }
  for (let code = 1; code < 32; code++) {
    if ([9, 10, 13].includes(code)) continue
    yield { name: `the control ${code} in a value`, frames: request([...pseudo(), ['x-a', `v${String.fromCharCode(code)}w`]]), forwarded: 'either' } // prettier-ignore
  }
  const all = block([...pseudo(), ['x-a', 'v\r\nTransfer-Encoding: chunked']])
  const parts = [all.subarray(0, 30), all.subarray(30, all.length - 20), all.subarray(all.length - 20)]
  yield { name: 'a break within three frames', frames: Buffer.concat([frame(HEADERS, END_STREAM, 1, parts[0]), frame(CONTINUATION, 0, 1, parts[1]), frame(CONTINUATION, END_HEADERS, 1, parts[2])]) } // prettier-ignore
  const fine = block([...pseudo(), ['x-a', 'v']])
  yield { name: 'a section in two frames', forwarded: good, frames: Buffer.concat([frame(HEADERS, END_STREAM, 1, fine.subarray(0, 9)), frame(CONTINUATION, END_HEADERS, 1, fine.subarray(9))]) } // prettier-ignore
}

export const cases: readonly Case[] = [...breaks(), ...names(), ...pseudoFields(), ...lengths(), ...others()]
