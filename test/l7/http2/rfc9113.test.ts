import t from 'tap'
import { errorName, PREFACE } from '../../../src/l7/http2/frames/codes.ts'
import { block, frame, GET, lab, Lab, preface, setting, u32, type Frame } from './wire.ts'

// What RFC 9113 requires of a server, case by case: the frames of a client, and what must come of them. A case sees the
// state machine alone; test/e2e/http2.test.ts sees it over sockets.

const DATA = 0
const HEADERS = 1
const PRIORITY = 2
const RST = 3
const SETTINGS = 4
const PUSH = 5
const PING = 6
const GOAWAY = 7
const WINDOW = 8
const CONTINUATION = 9
const END_STREAM = 1
const END_HEADERS = 4
const PADDED = 8
const WITH_PRIORITY = 0x20

type Pair = readonly [string, string]

const head = (fields: readonly Pair[], id = 1, flags = END_STREAM | END_HEADERS) =>
  frame(HEADERS, flags, id, block(fields))
const get = (id = 1) => head(GET, id)
const open = (id = 1) => head(POST, id, END_HEADERS)
const POST: readonly Pair[] = [[':method', 'POST'], ...GET.slice(1)]
const data = (id: number, bytes: Uint8Array | string, flags = 0) => frame(DATA, flags, id, Buffer.from(bytes))
const without = (name: string) => GET.filter(([each]) => each !== name)
const replaced = (name: string, value: string) =>
  GET.map(([each, old]): Pair => (each === name ? [each, value] : [each, old]))
const z = (size: number) => Buffer.alloc(size)

/** `connection NAME`, `stream NAME`, or `fine`. */
function outcome(lab: Lab, frames: readonly Frame[]): string {
  if (lab.over !== undefined) {
    const goaway = frames.filter(({ type }) => type === GOAWAY).at(-1)
    return goaway === undefined
      ? 'over without GOAWAY'
      : `connection ${errorName(goaway.payload.readUInt32BE(4))}`
  }
  const reset = frames.find(({ type }) => type === RST)
  return reset === undefined ? 'fine' : `stream ${errorName(reset.payload.readUInt32BE(0))}`
}

type Case = readonly [title: string, expected: string, ...bytes: Uint8Array[]]

function check(title: string, cases: readonly Case[]): void {
  t.test(title, async (t) => {
    for (const [each, expected, ...bytes] of cases) {
      const whole = lab()
      t.equal(outcome(whole, whole.feed(...bytes)), expected, each)
      // The same byte by byte.
      const pieces = lab()
      const frames: Frame[] = []
      for (const byte of Buffer.concat(bytes)) frames.push(...pieces.feed(Buffer.from([byte])))
      t.equal(outcome(pieces, frames), expected, `${each}, byte by byte`)
    }
  })
}

t.test('3.4: a connection begins with the preface and SETTINGS, on both sides', async (t) => {
  const made = new Lab()
  t.equal(made.frames()[0]!.type, SETTINGS)
  const good = made.feed(preface)
  t.ok(
    good.some(({ type, flags }) => type === SETTINGS && flags === 1),
    'acknowledged'
  )
  const wrong = new Lab()
  t.equal(
    outcome(wrong, wrong.feed(Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n'))),
    'connection PROTOCOL_ERROR'
  )
  const other = new Lab()
  t.equal(outcome(other, other.feed(Buffer.from(PREFACE), get())), 'connection PROTOCOL_ERROR', 'no SETTINGS')
  const acked = new Lab()
  t.equal(
    outcome(acked, acked.feed(Buffer.from(PREFACE), frame(SETTINGS, 1, 0))),
    'connection PROTOCOL_ERROR'
  )
})

check('4: frames', [
  ['an unknown type is ignored', 'fine', frame(0x16, 0, 0, z(8)), get()],
  ['unknown flags are ignored', 'fine', frame(PING, 0x16, 0, z(8))],
  ['the reserved bit is ignored', 'fine', frame(PING, 0, 0x8000_0000, z(8))],
  ['DATA of 16,384 bytes', 'fine', open(), data(1, z(16_384))],
  ['DATA over the frame size', 'connection FRAME_SIZE_ERROR', open(), data(1, z(16_385))],
  ['HEADERS over the frame size', 'connection FRAME_SIZE_ERROR', frame(HEADERS, 5, 1, z(16_385))],
  ['any frame over the frame size', 'connection FRAME_SIZE_ERROR', frame(0x16, 0, 0, z(16_385))],
  ['a malformed section', 'connection COMPRESSION_ERROR', frame(HEADERS, 5, 1, Buffer.from('ff', 'hex'))],
  [
    'another frame within a section',
    'connection PROTOCOL_ERROR',
    head(GET, 1, END_STREAM),
    frame(PRIORITY, 0, 1, z(5))
  ],
  [
    'an unknown frame within a section',
    'connection PROTOCOL_ERROR',
    head(GET, 1, END_STREAM),
    frame(0x16, 0, 0)
  ],
  ['DATA within a section', 'connection PROTOCOL_ERROR', head(POST, 1, 0), data(1, 'a')],
  [
    'CONTINUATION of another stream',
    'connection PROTOCOL_ERROR',
    head(GET, 1, END_STREAM),
    frame(CONTINUATION, 4, 3)
  ]
])

check('5.1: states of a stream', [
  ['DATA on an idle stream', 'connection PROTOCOL_ERROR', data(1, 'a')],
  ['RST_STREAM on an idle stream', 'connection PROTOCOL_ERROR', frame(RST, 0, 1, u32(8))],
  ['WINDOW_UPDATE on an idle stream', 'connection PROTOCOL_ERROR', frame(WINDOW, 0, 1, u32(1))],
  ['CONTINUATION on an idle stream', 'connection PROTOCOL_ERROR', frame(CONTINUATION, 4, 1)],
  ['PRIORITY on an idle stream', 'fine', frame(PRIORITY, 0, 1, z(5)), get()],
  ['DATA behind END_STREAM', 'stream STREAM_CLOSED', get(), data(1, 'a')],
  ['HEADERS behind END_STREAM', 'stream STREAM_CLOSED', get(), get()],
  ['CONTINUATION behind END_STREAM', 'connection PROTOCOL_ERROR', get(), frame(CONTINUATION, 4, 1)],
  ['DATA behind its own reset', 'connection STREAM_CLOSED', open(), frame(RST, 0, 1, u32(8)), data(1, 'a')],
  ['HEADERS behind its own reset', 'connection STREAM_CLOSED', open(), frame(RST, 0, 1, u32(8)), get()],
  ['WINDOW_UPDATE behind its own reset', 'fine', open(), frame(RST, 0, 1, u32(8)), frame(WINDOW, 0, 1, u32(1))],
  ['PRIORITY behind its own reset', 'fine', open(), frame(RST, 0, 1, u32(8)), frame(PRIORITY, 0, 1, z(5))],
  ['an even number', 'connection PROTOCOL_ERROR', get(2)],
  ['a number below the last', 'connection PROTOCOL_ERROR', get(5), get(3)],
  ['a stream that depends on itself, by HEADERS', 'stream PROTOCOL_ERROR', frame(HEADERS, END_STREAM | END_HEADERS | WITH_PRIORITY, 1, Buffer.concat([u32(1), z(1), block(GET)]))],
  ['a stream that depends on itself, by PRIORITY', 'stream PROTOCOL_ERROR', open(), frame(PRIORITY, 0, 1, Buffer.concat([u32(1), z(1)]))]
]) // prettier-ignore

check('6: each frame', [
  ['DATA on stream 0', 'connection PROTOCOL_ERROR', data(0, 'a')],
  ['DATA with padding as long as the payload', 'connection PROTOCOL_ERROR', open(), frame(DATA, PADDED, 1, Buffer.from([6, 1, 2, 3, 4, 5]))],
  ['padded DATA', 'fine', open(), frame(DATA, PADDED | END_STREAM, 1, Buffer.from([2, 97, 0, 0]))],
  ['padded DATA without a byte', 'connection FRAME_SIZE_ERROR', open(), frame(DATA, PADDED, 1)],
  ['HEADERS on stream 0', 'connection PROTOCOL_ERROR', get(0)],
  ['HEADERS with padding longer than the payload', 'connection PROTOCOL_ERROR', frame(HEADERS, END_HEADERS | END_STREAM | PADDED, 1, Buffer.concat([Buffer.from([200]), block(GET)]))],
  ['padded HEADERS', 'fine', frame(HEADERS, END_HEADERS | END_STREAM | PADDED, 1, Buffer.concat([Buffer.from([2]), block(GET), z(2)]))],
  ['padded HEADERS without a byte', 'connection FRAME_SIZE_ERROR', frame(HEADERS, END_HEADERS | PADDED, 1)],
  ['HEADERS too short for its priority', 'connection FRAME_SIZE_ERROR', frame(HEADERS, END_HEADERS | WITH_PRIORITY, 1, z(4))],
  ['PRIORITY on stream 0', 'connection PROTOCOL_ERROR', frame(PRIORITY, 0, 0, z(5))],
  ['PRIORITY of a wrong size', 'stream FRAME_SIZE_ERROR', open(), frame(PRIORITY, 0, 1, z(4))],
  ['RST_STREAM on stream 0', 'connection PROTOCOL_ERROR', frame(RST, 0, 0, u32(8))],
  ['RST_STREAM of a wrong size', 'connection FRAME_SIZE_ERROR', open(), frame(RST, 0, 1, z(3))],
  ['SETTINGS ACK with a payload', 'connection FRAME_SIZE_ERROR', frame(SETTINGS, 1, 0, z(6))],
  ['SETTINGS on a stream', 'connection PROTOCOL_ERROR', frame(SETTINGS, 0, 1)],
  ['SETTINGS of a wrong size', 'connection FRAME_SIZE_ERROR', frame(SETTINGS, 0, 0, z(3))],
  ['ENABLE_PUSH of 2', 'connection PROTOCOL_ERROR', frame(SETTINGS, 0, 0, setting(2, 2))],
  ['INITIAL_WINDOW_SIZE over 2^31-1', 'connection FLOW_CONTROL_ERROR', frame(SETTINGS, 0, 0, setting(4, 0x8000_0000))],
  ['MAX_FRAME_SIZE below 16,384', 'connection PROTOCOL_ERROR', frame(SETTINGS, 0, 0, setting(5, 16_383))],
  ['MAX_FRAME_SIZE over 2^24-1', 'connection PROTOCOL_ERROR', frame(SETTINGS, 0, 0, setting(5, 16_777_216))],
  ['ENABLE_CONNECT_PROTOCOL of 2', 'connection PROTOCOL_ERROR', frame(SETTINGS, 0, 0, setting(8, 2))],
  ['an unknown setting', 'fine', frame(SETTINGS, 0, 0, setting(0xff, 1)), frame(PING, 0, 0, z(8))],
  ['PUSH_PROMISE of a client', 'connection PROTOCOL_ERROR', open(), frame(PUSH, 4, 1, u32(2))],
  ['PING on a stream', 'connection PROTOCOL_ERROR', frame(PING, 0, 1, z(8))],
  ['PING of a wrong size', 'connection FRAME_SIZE_ERROR', frame(PING, 0, 0, z(6))],
  ['GOAWAY on a stream', 'connection PROTOCOL_ERROR', frame(GOAWAY, 0, 1, z(8))],
  ['GOAWAY too short', 'connection FRAME_SIZE_ERROR', frame(GOAWAY, 0, 0, z(7))],
  ['GOAWAY does not stop requests', 'fine', frame(GOAWAY, 0, 0, z(8)), get()],
  ['WINDOW_UPDATE of 0 on the connection', 'connection PROTOCOL_ERROR', frame(WINDOW, 0, 0, u32(0))],
  ['WINDOW_UPDATE of 0 on a stream', 'stream PROTOCOL_ERROR', open(), frame(WINDOW, 0, 1, u32(0))],
  ['WINDOW_UPDATE of a wrong size', 'connection FRAME_SIZE_ERROR', frame(WINDOW, 0, 0, z(3))],
  ['the connection window over 2^31-1', 'connection FLOW_CONTROL_ERROR', frame(WINDOW, 0, 0, u32(0x7fff_ffff)), frame(WINDOW, 0, 0, u32(0x7fff_ffff))],
  ['a stream window over 2^31-1', 'stream FLOW_CONTROL_ERROR', open(), frame(WINDOW, 0, 1, u32(0x7fff_ffff))],
  ['a stream window over 2^31-1 by SETTINGS', 'connection FLOW_CONTROL_ERROR', open(), frame(WINDOW, 0, 1, u32(0x7fff_0000)), frame(SETTINGS, 0, 0, setting(4, 0x7fff_ffff))],
  ['CONTINUATION without HEADERS', 'connection PROTOCOL_ERROR', get(), frame(CONTINUATION, 4, 1)],
  ['CONTINUATION on stream 0', 'connection PROTOCOL_ERROR', head(GET, 1, END_STREAM), frame(CONTINUATION, 4, 0)],
  ['several CONTINUATIONs', 'fine', head(GET.slice(0, 1), 1, END_STREAM), frame(CONTINUATION, 0, 1, block(GET.slice(1, 3))), frame(CONTINUATION, 4, 1, block(GET.slice(3)))],
  ['PRIORITY_UPDATE on a stream', 'connection PROTOCOL_ERROR', frame(0x10, 0, 1, u32(1))],
  ['PRIORITY_UPDATE too short', 'connection FRAME_SIZE_ERROR', frame(0x10, 0, 0, z(3))]
]) // prettier-ignore

const bad = (title: string, fields: readonly Pair[]): Case => [title, 'stream PROTOCOL_ERROR', head(fields)]

check('8: a malformed request is a stream error', [
  bad('upper case in a name', [...GET, ['X-Test', 'a']]),
  bad('an unknown pseudo-field', [[':test', 'a'], ...GET]),
  bad('a pseudo-field of responses', [[':status', '200'], ...GET]),
  bad('a pseudo-field behind a regular one', [GET[0]!, ['x-test', 'a'], ...GET.slice(1)]),
  bad('connection', [...GET, ['connection', 'keep-alive']]),
  bad('keep-alive', [...GET, ['keep-alive', 'timeout=5']]),
  bad('proxy-connection', [...GET, ['proxy-connection', 'keep-alive']]),
  bad('transfer-encoding', [...POST, ['transfer-encoding', 'chunked']]),
  bad('upgrade', [...GET, ['upgrade', 'h2c']]),
  bad('te other than trailers', [...GET, ['te', 'trailers, deflate']]),
  ['te of trailers', 'fine', head([...GET, ['te', 'trailers']])],
  bad('no :method', without(':method')),
  bad('no :scheme', without(':scheme')),
  bad('no :path', without(':path')),
  bad('an empty :path', replaced(':path', '')),
  bad('a :path that is none', replaced(':path', 'a.example/x')),
  bad('an absolute :path', replaced(':path', 'http://a.example/x')),
  bad('a space in :path', replaced(':path', '/a HTTP/1.1')),
  bad('an asterisk, but not of OPTIONS', replaced(':path', '*')),
  bad('a space in :method', replaced(':method', 'GET /')),
  bad('two :method', [GET[0]!, ...GET]),
  bad('two :path', [...GET, [':path', '/']]),
  bad('two :scheme', [GET[1]!, ...GET]),
  bad('two :authority', [GET[3]!, ...GET]),
  bad('a Host that says another', [...GET, ['host', 'b.example']]),
  bad('two Host', [...GET, ['host', 'a.example'], ['host', 'a.example']]),
  ['a Host that agrees', 'fine', head([...GET, ['host', 'A.example']])],
  ['Host alone', 'fine', head([...without(':authority'), ['host', 'a.example']])],
  bad('CR in a value', [...GET, ['x', 'a\rb']]),
  bad('LF in a value', [...GET, ['x', 'a\nb']]),
  bad('NUL in a value', [...GET, ['x', 'a\0b']]),
  bad('CR LF in a pseudo-field', replaced(':path', '/\r\nx: y')),
  bad('LF in :authority', replaced(':authority', 'a\n')),
  bad('white space before a value', [...GET, ['x', ' a']]),
  bad('white space behind a value', [...GET, ['x', 'a ']]),
  bad('a colon in a name', [...GET, ['a:b', 'c']]),
  bad('a space in a name', [...GET, ['a b', 'c']]),
  bad('a name of no bytes', [...GET, ['', 'c']]),
  bad('content-length without a body', [...GET, ['content-length', '1']]),
  bad('content-length that is no number', [...POST, ['content-length', '1x']]),
  bad('content-length of a sign', [...POST, ['content-length', '+0']]),
  bad('two content-lengths', [...POST, ['content-length', '0'], ['content-length', '0']]),
  bad(':protocol without CONNECT', [...GET, [':protocol', 'websocket']]),
  bad('CONNECT with :path', replaced(':method', 'CONNECT')),
  bad('CONNECT without :authority', [[':method', 'CONNECT']]),
  bad('extended CONNECT without :path', [[':method', 'CONNECT'], [':protocol', 'websocket'], [':scheme', 'http'], [':authority', 'a']]),
  ['more DATA than content-length', 'stream PROTOCOL_ERROR', head([...POST, ['content-length', '1']], 1, END_HEADERS), data(1, 'ab', END_STREAM)],
  ['less DATA than content-length', 'stream PROTOCOL_ERROR', head([...POST, ['content-length', '3']], 1, END_HEADERS), data(1, 'ab', END_STREAM)],
  ['less DATA than content-length, in two frames', 'stream PROTOCOL_ERROR', head([...POST, ['content-length', '5']], 1, END_HEADERS), data(1, 'ab'), data(1, 'cd', END_STREAM)],
  ['as much DATA as content-length', 'fine', head([...POST, ['content-length', '4']], 1, END_HEADERS), data(1, 'ab'), data(1, 'cd', END_STREAM)],
  ['less than content-length, then trailers', 'stream PROTOCOL_ERROR', head([...POST, ['content-length', '3']], 1, END_HEADERS), data(1, 'ab'), head([['x', 'y']])],
  ['trailers', 'fine', open(), head([['x', 'y']])],
  ['trailers without END_STREAM', 'stream PROTOCOL_ERROR', open(), head([['x', 'y']], 1, END_HEADERS)],
  ['trailers with a pseudo-field', 'stream PROTOCOL_ERROR', open(), head([[':path', '/']])],
  ['trailers with an upper case name', 'stream PROTOCOL_ERROR', open(), head([['X', 'y']])],
  ['trailers with connection', 'stream PROTOCOL_ERROR', open(), head([['connection', 'close']])]
]) // prettier-ignore

t.test('a PING is answered with its payload, and one that is an answer is not', async (t) => {
  const made = lab()
  const answer = made.feed(frame(PING, 0, 0, Buffer.from('12345678')))
  t.strictSame(
    answer.map(({ type, flags, payload }) => [type, flags, String(payload)]),
    [[PING, 1, '12345678']]
  )
  t.strictSame(made.feed(frame(PING, 1, 0, z(8))), [])
})

t.test(
  'a section over the limit is answered, and the connection continues with the right table',
  async (t) => {
    const made = lab()
    const long = Array.from({ length: 30 }, (_, i): Pair => [`x-${i}`, 'v'.repeat(1000)])
    const bytes = block([...GET, ...long])
    const frames = made.feed(
      frame(HEADERS, END_STREAM, 1, bytes.subarray(0, 16_000)),
      frame(CONTINUATION, END_HEADERS, 1, bytes.subarray(16_000)),
      get(3)
    )
    t.equal(made.failures.length, 1)
    t.ok(frames.some(({ type, id }) => type === HEADERS && id === 1))
    t.equal(made.heard.length, 1)
  }
)

t.test('cookie crumbs become one field, and the request reads as one of HTTP/1.1 would', async (t) => {
  const made = lab()
  made.feed(
    head([...replaced(':path', '/p?q'), ['cookie', 'a=1'], ['accept', '*/*'], ['cookie', 'b=2'], ['te', 'trailers'], ['x-forwarded-for', '1.1.1.1'], ['proxy', 'x']]) // prettier-ignore
  )
  const { request } = made.heard[0]!
  t.match(request, { method: 'GET', target: '/p?q', host: 'a.example', bodyLength: 0, acceptsTrailers: true })
  t.equal(
    request!.headers.text,
    'host: a.example\r\naccept: */*\r\nx-forwarded-for: 1.1.1.1\r\ncookie: a=1; b=2\r\n'
  )
  t.ok((request!.seen & 4) !== 0)
})

t.test('cookies in 180 fields, as browsers send them, weigh what they do in one', async (t) => {
  const crumbs = (count: number, size: number): Pair[] =>
    Array.from({ length: count }, (_, i) => ['cookie', `c${i}=`.padEnd(size, 'v')])
  const others = Array.from({ length: 90 }, (_, i): Pair => [`x-${i}`, 'v'])
  const fits = lab()
  fits.feed(head([...GET, ...crumbs(180, 80), ['x-a', 'v']]), head([...GET, ...others, ...crumbs(180, 6)], 3))
  t.equal(fits.failures.length, 0)
  t.equal(/^cookie: (.*)$/m.exec(fits.heard[0]!.request!.headers.text)?.[1]?.length, 180 * 80 + 179 * 2)
  t.equal(fits.heard.length, 2)
  for (const many of [crumbs(180, 110), crumbs(256, 80), crumbs(1000, 6), [...others, ...others]]) {
    const refused = lab()
    refused.feed(
      frame(HEADERS, END_STREAM, 1, block([...GET, ...many]).subarray(0, 16_000)),
      frame(CONTINUATION, END_HEADERS, 1, block([...GET, ...many]).subarray(16_000))
    )
    t.equal(refused.failures.length, 1, `${many.length} of ${many[0]![1].length}`)
  }
})
