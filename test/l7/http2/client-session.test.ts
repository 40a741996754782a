import fc from 'fast-check'
import t from 'tap'
import { errorName } from '../../../src/l7/http2/frames/codes.ts'
import { ClientSession, type ClientSessionHost } from '../../../src/l7/http2/client/client-session.ts'
import type { UpstreamHead } from '../../../src/l7/http1/parse/response-parser.ts'
import type { Stream } from '../../../src/l7/http2/session/stream/stream.ts'
import { block, drain, frame, Heard, parseFrames, setting, u32, type Frame } from './wire.ts'

// The client's side without a socket, against backends that answer rightly, wrongly, or with anything at all.

const LINES = { pseudo: [':method', 'GET', ':scheme', 'http', ':path', '/'], fields: '', endsApart: false }

class Lab implements ClientSessionHost {
  readonly session: ClientSession
  readonly heads: UpstreamHead[] = []
  over: string | undefined
  ends = 0

  constructor() {
    this.session = new ClientSession(this)
    this.session.start()
  }

  onHead(_: Stream, head: UpstreamHead): void {
    this.heads.push(head)
  }

  onGoaway(): void {}
  onPong(): void {}
  wake(): void {}
  onReset(): void {}

  onOver(code: number): void {
    this.over = errorName(code)
  }

  onStreamClosed(): void {
    this.ends++
  }

  ask(toHead = false): Heard {
    const stream = this.session.request(LINES, true, toHead)
    const heard = new Heard(stream, undefined)
    this.session.flow(stream)
    return heard
  }

  feed(...parts: Uint8Array[]): Frame[] {
    const bytes = Buffer.concat(parts)
    this.session.receive(bytes, 0, bytes.length)
    const frames = parseFrames(drain(this.session.out))
    this.session.written()
    return frames
  }
}

function lab(): Lab {
  const made = new Lab()
  drain(made.session.out)
  made.feed(frame(4, 0, 0))
  return made
}

const head = (fields: [string, string][], flags = 4, id = 1) => frame(1, flags, id, block(fields))
const OK: [string, string][] = [[':status', '200']]

t.test('a response consists of its sections and DATA, after interim responses', async (t) => {
  const made = lab()
  const heard = made.ask()
  made.feed(head([[':status', '103'], ['link', '</a>']]), head([...OK, ['content-length', '5'], ['x', 'y']]), frame(0, 0, 1, Buffer.from('hello')), head([['x-sum', '1']], 5))
  t.strictSame(made.heads.map(({ status, bodyLength, headers }) => [status, bodyLength, headers.text]), [[103, -1, 'link: </a>\r\n'], [200, 5, 'x: y\r\n']])
  t.match(heard, { body: 'hello', trailers: 'x-sum: 1\r\n', closed: undefined })
  t.equal(made.session.streams.size, 0)
}) // prettier-ignore

t.test('a length that is said more than once, and always the same, is one', async (t) => {
  const said: [string, string][][] = [[['content-length', '2'], ['content-length', '2']], [['content-length', '2, 2']]]
  for (const lengths of said) {
    const made = lab()
    const heard = made.ask()
    made.feed(head([...OK, ...lengths, ['x', 'y']]), frame(0, 1, 1, Buffer.from('ab')))
    t.strictSame(made.heads.map(({ bodyLength, headers }) => [bodyLength, headers.text]), [[2, 'x: y\r\n']])
    t.match(heard, { body: 'ab', trailers: '', closed: undefined })
  }
}) // prettier-ignore

t.test('a malformed response ends its stream and reaches no client', async (t) => {
  const cases: Record<string, Uint8Array[]> = {
    'no status': [head([['x', 'y']], 5)],
    two: [head([...OK, ...OK], 5)],
    'four digits': [head([[':status', '2000']], 5)],
    '101': [head([[':status', '101']])],
    'an interim one that ends': [head([[':status', '103']], 5)],
    'a pseudo-field of requests': [head([...OK, [':path', '/']], 5)],
    'a pseudo-field behind others': [head([['x', 'y'], ...OK], 5)],
    connection: [head([...OK, ['connection', 'close']], 5)],
    'transfer-encoding': [head([...OK, ['transfer-encoding', 'chunked']])],
    'LF in a value': [head([...OK, ['x', 'a\nb']], 5)],
    'DATA before the head': [frame(0, 0, 1, Buffer.from('x')), head(OK, 5)],
    'more than content-length': [head([...OK, ['content-length', '1']]), frame(0, 1, 1, Buffer.from('ab'))],
    'less than content-length': [head([...OK, ['content-length', '3']]), frame(0, 1, 1, Buffer.from('ab'))],
    'no body where one is said to come': [head([...OK, ['content-length', '3']], 5)],
    'two lengths': [
      head([...OK, ['content-length', '2'], ['content-length', '3']]),
      frame(0, 1, 1, Buffer.from('ab'))
    ],
    'a list of two lengths': [head([...OK, ['content-length', '2, 3']]), frame(0, 1, 1, Buffer.from('ab'))],
    'trailers without an end': [head(OK), head([['x', 'y']])],
    'trailers with a status': [head(OK), head([...OK], 5)],
    'a body behind 204': [head([[':status', '204']]), frame(0, 1, 1, Buffer.from('x'))]
  }
  for (const [name, bytes] of Object.entries(cases)) {
    const made = lab()
    const heard = made.ask()
    const other = made.ask()
    made.feed(...bytes)
    t.match(heard.closed, { by: 'violation' }, name)
    made.feed(head(OK, 5, 3))
    t.equal(other.trailers, '', `${name}: the other one is answered`)
  }
})

t.test('HEAD has no body whatever its length says', async (t) => {
  const made = lab()
  const heard = made.ask(true)
  made.feed(head([...OK, ['content-length', '100']], 5))
  t.match(heard, { trailers: '', closed: undefined })
})

t.test('GOAWAY refuses what is above its number, and nothing else', async (t) => {
  const made = lab()
  const first = made.ask()
  const second = made.ask()
  made.feed(frame(7, 0, 0, u32(1, 0)))
  t.equal(first.closed, undefined)
  t.match(second.closed, { by: 'refused' })
  t.ok(made.session.goingAway)
  made.feed(head(OK, 5))
  t.equal(first.trailers, '')
})

t.test('what a server may not do ends the connection', async (t) => {
  const cases: [string, Uint8Array[]][] = [
    ['PROTOCOL_ERROR', [frame(5, 4, 1, u32(2))]],
    ['PROTOCOL_ERROR', [head(OK, 5, 2)]],
    ['PROTOCOL_ERROR', [head(OK, 5, 7)]],
    ['PROTOCOL_ERROR', [frame(4, 0, 0, setting(2, 2))]],
    ['COMPRESSION_ERROR', [frame(1, 4, 1, Buffer.from([0xff]))]]
  ]
  for (const [code, bytes] of cases) {
    const made = lab()
    const heard = made.ask()
    made.feed(...bytes)
    t.equal(made.over, code)
    t.match(heard.closed, { by: 'connection' })
  }
})

t.test('no frames make it throw, and every request ends once', async (t) => {
  const id = fc.constantFrom(0, 1, 1, 3, 5, 2)
  const sections = fc.constantFrom(block(OK), block([['x', 'y']]), block([...OK, ['content-length', '3']]))
  const payload = fc.oneof(
    fc.uint8Array({ maxLength: 30 }),
    sections,
    fc.constantFrom(u32(0), u32(1), u32(1, 0), u32(0x7fff_ffff))
  )
  const any = fc
    .tuple(fc.integer({ min: 0, max: 17 }), fc.integer({ min: 0, max: 63 }), id, payload)
    .map(([type, flags, stream, bytes]) => frame(type, flags, stream, bytes))
  const good = fc.constantFrom(
    head(OK),
    head(OK, 5),
    head(OK, 5, 3),
    frame(0, 1, 1, Buffer.from('x')),
    frame(0, 0, 3, Buffer.from('x'))
  )
  fc.assert(
    fc.property(fc.array(fc.oneof(good, any), { maxLength: 25 }), (steps) => {
      const made = lab()
      const asked = [made.ask(), made.ask(), made.ask()]
      for (const bytes of steps) made.feed(bytes)
      made.session.abandon()
      t.equal(made.session.streams.size, 0)
      t.equal(made.ends, asked.length)
      for (const heard of asked) t.ok(heard.closed !== undefined || heard.trailers !== undefined)
    }),
    { numRuns: 800 }
  )
})

t.test('whole responses that are left unread shut no window, and are not heard of', async (t) => {
  const made = lab()
  let window = 1_048_576
  for (let n = 0; n < 200; n++) {
    const heard = made.ask()
    const { stream } = heard
    made.session.hold(stream)
    window -= 48_000
    const parts = [0, 0, 1].map((flags) => frame(0, flags, stream.id, Buffer.alloc(16_000)))
    const frames = made.feed(frame(1, 4, stream.id, block([[':status', '200']])), ...parts)
    if (n % 2 === 0) made.session.leave(stream, 8)
    else {
      heard.onData = () => made.session.leave(stream, 8)
      made.session.flow(stream)
    }
    t.equal(heard.trailers, undefined)
    frames.push(...parseFrames(drain(made.session.out)))
    t.notOk(
      frames.some(({ type }) => type === 3),
      'none is reset that has ended'
    )
    for (const each of frames) if (each.type === 8 && each.id === 0) window += each.payload.readUInt32BE(0)
    t.ok(window >= 48_000, `${window} bytes are left after ${n}`)
    if (window < 48_000) return
  }
})
