import t from 'tap'
import { UNKNOWN_LENGTH } from '../../../src/l7/message/body-length.ts'
import { BodyWriter } from '../../../src/l7/http1/write/message-writer.ts'
import { READ_AT, sharedBuffer } from '../../../src/net/transport/read-buffer.ts'
import { FakeTransport } from '../http2/windows/transports.ts'

const HEAD = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n'

interface Write {
  readonly kind: 'text' | 'bytes'
  readonly text: string
}

/** Takes everything at once, and says how it came. */
class Recorder extends FakeTransport {
  readonly pending = 0
  readonly writes: Write[] = []
  readonly #secure: boolean

  constructor(secure: boolean) {
    super({ onData() {}, onEnd() {}, onDrain() {}, onClose() {} }, () => {})
    this.#secure = secure
  }

  override get copiesAtOnce(): boolean {
    return this.#secure
  }

  complete(): boolean {
    return false
  }

  protected override writeText(text: string): boolean {
    return this.writes.push({ kind: 'text', text }) > 0
  }

  protected writeBytes(bytes: Uint8Array): boolean {
    return this.writes.push({ kind: 'bytes', text: Buffer.from(bytes).toString('latin1') }) > 0
  }
}

function writer(secure: boolean): { writer: BodyWriter; transport: Recorder } {
  const transport = new Recorder(secure)
  return { writer: new BodyWriter(transport), transport }
}

/** As read from a backend: `text` stands in the read buffer. */
function read(text: string, at = READ_AT): [buffer: Buffer, start: number, end: number] {
  return [sharedBuffer, at, at + sharedBuffer.write(text, at, 'latin1')]
}

t.test('with TLS, a small whole body goes out from where it was read, with its head before it', async (t) => {
  const { writer: one, transport } = writer(true)
  one.head(HEAD, 4)
  one.body(...read('body'))
  t.strictSame(transport.writes, [{ kind: 'bytes', text: `${HEAD}body` }])
  one.end('')
  one.flush()
  t.equal(transport.writes.length, 1, 'nothing is left')
})

t.test('what is gathered into one string instead', async (t) => {
  const cases: Record<
    string,
    { secure?: boolean; length?: number; body: Parameters<BodyWriter['body']>; out: string }
  > = {
    'in clear text': { secure: false, body: read('body'), out: `${HEAD}body` },
    'a piece of a body': { length: 5, body: read('body'), out: `${HEAD}body` },
    'a chunk': { length: UNKNOWN_LENGTH, body: read('body'), out: `${HEAD}4\r\nbody\r\n0\r\n\r\n` },
    'bytes of another buffer': { body: [Buffer.from('a body'), 2, 6], out: `${HEAD}body` },
    'a head without room before the body': { body: read('body', HEAD.length - 1), out: `${HEAD}body` }
  }
  for (const [name, { secure = true, length = 4, body, out }] of Object.entries(cases)) {
    const { writer: one, transport } = writer(secure)
    one.head(HEAD, length)
    if (body[0] === sharedBuffer) read('body', body[1])
    one.body(...body)
    t.strictSame(transport.writes, [], name)
    one.end('')
    one.flush()
    t.strictSame(transport.writes, [{ kind: 'text', text: out }], name)
  }
})

t.test('an empty piece is no chunk, which would end the body', async (t) => {
  const { writer: one, transport } = writer(false)
  one.head('', UNKNOWN_LENGTH)
  one.body(Buffer.alloc(0), 0, 0)
  one.body(Buffer.from('body'), 0, 4)
  one.body(Buffer.from('body'), 2, 2)
  one.end('')
  one.flush()
  t.equal(transport.writes.map(({ text }) => text).join(''), '4\r\nbody\r\n0\r\n\r\n')
})
