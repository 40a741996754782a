import fc from 'fast-check'
import t from 'tap'
import { block, frame, GET, lab, preface, Lab, setting, u32, type Frame } from './wire.ts'

const POST = [[':method', 'POST'], ...GET.slice(1)] as const
const open = (id: number, ...more: (readonly [string, string])[]) =>
  frame(1, 4, id, block([...POST, ...more]))
const get = (id: number, ...more: (readonly [string, string])[]) => frame(1, 5, id, block([...GET, ...more]))
const bytesOf = (frames: readonly Frame[], id: number) =>
  frames
    .filter((each) => each.type === 0 && each.id === id)
    .reduce((sum, { payload }) => sum + payload.length, 0)

t.test('a response waits for both windows, and comes whole when they open', async (t) => {
  const made = lab()
  const body = Buffer.alloc(100_000, 'x')
  made.onHeard = ({ stream }) => {
    made.session.respond(stream, 200, '', -1)
    made.session.send(stream, body, 0, body.length, false)
    made.session.end(stream, '')
  }
  const first = made.feed(get(1))
  t.equal(bytesOf(first, 1), 65_535)
  t.equal(bytesOf(made.feed(frame(8, 0, 0, u32(50_000))), 1), 0, "the stream's own is closed")
  const next = made.feed(frame(8, 0, 1, u32(20_000)))
  t.equal(bytesOf(next, 1), 20_000)
  const last = made.feed(frame(8, 0, 1, u32(20_000)))
  t.equal(bytesOf(last, 1), 100_000 - 85_535)
  t.equal(last.at(-1)!.flags & 1, 1, 'ends with its last frame')
  t.equal(made.session.streams.size, 0)
})

t.test(
  'a changed INITIAL_WINDOW_SIZE applies to open streams, and may make their windows negative',
  async (t) => {
    const made = lab()
    const body = Buffer.alloc(70_000)
    made.onHeard = ({ stream }) => {
      made.session.respond(stream, 200, '', -1)
      made.session.send(stream, body, 0, body.length, true)
      made.session.end(stream, '')
    }
    made.feed(frame(8, 0, 0, u32(1_000_000)))
    t.equal(bytesOf(made.feed(get(1)), 1), 65_535)
    made.feed(frame(4, 0, 0, setting(4, 1000)))
    t.equal(bytesOf(made.feed(frame(8, 0, 1, u32(64_000))), 1), 0, 'still below nothing')
    t.equal(bytesOf(made.feed(frame(8, 0, 1, u32(1000))), 1), 465)
    t.equal(bytesOf(made.feed(frame(4, 0, 0, setting(4, 1_000_000))), 1), 70_000 - 66_000)
  }
)

t.test('an unread body blocks only its own stream; more than a window is an error', async (t) => {
  const made = lab()
  made.onHeard = ({ stream }) => made.session.hold(stream)
  made.feed(open(1))
  made.onHeard = () => {}
  for (let sent = 0; sent < 3; sent++) made.feed(frame(0, 0, 1, Buffer.alloc(16_384)))
  const other = made.feed(open(3), frame(0, 1, 3, Buffer.from('hello')))
  t.equal(made.heard[1]!.body, 'hello')
  t.notOk(
    other.some(({ type, id }) => type === 8 && id === 1),
    'no credit for what is not taken'
  )
  const over = made.feed(frame(0, 0, 1, Buffer.alloc(16_384)))
  t.strictSame(
    over.map(({ type, id, payload }) => [type, id, payload.readUInt32BE(0)]),
    [[3, 1, 3]],
    'FLOW_CONTROL_ERROR'
  )
  const held = lab()
  held.takes = false
  held.feed(open(1), frame(0, 1, 1, Buffer.alloc(10_000, 'a')))
  t.equal(held.heard[0]!.body, '')
  held.session.flow(held.heard[0]!.stream)
  t.equal(held.heard[0]!.body.length, 10_000)
  t.equal(held.heard[0]!.trailers, '')
})

t.test('an upload is credited as it is taken, and padding at once', async (t) => {
  const made = lab()
  made.feed(open(1))
  let credit = 65_535
  let connection = 1_048_576
  for (let sent = 0; sent < 200; sent++) {
    const padded = frame(0, 8, 1, Buffer.concat([Buffer.from([100]), Buffer.alloc(10_000)]))
    t.ok(credit >= 10_001 && connection >= 10_001, 'the client may send')
    credit -= 10_001
    connection -= 10_001
    for (const { type, id, payload } of made.feed(padded)) {
      if (type === 8 && id === 1) credit += payload.readUInt32BE(0)
      if (type === 8 && id === 0) connection += payload.readUInt32BE(0)
    }
  }
  t.equal(made.heard[0]!.body.length, 200 * 9_900)
  t.equal(made.over, undefined)
})

t.test('of what waits the more urgent goes first, incremental ones in turns (RFC 9218)', async (t) => {
  const made = lab()
  const body = Buffer.alloc(40_000)
  made.onHeard = ({ stream }) => {
    made.session.respond(stream, 200, '', -1)
    made.session.send(stream, body, 0, body.length, false)
    made.session.end(stream, '')
  }
  const blocked = Buffer.alloc(65_535)
  made.onHeard = ({ stream }) => {
    made.session.respond(stream, 200, '', -1)
    made.session.send(
      stream,
      stream.id === 1 ? blocked : body,
      0,
      stream.id === 1 ? blocked.length : body.length,
      false
    )
    made.session.end(stream, '')
  }
  made.feed(
    get(1),
    get(3),
    get(5, ['priority', 'u=1']),
    get(7, ['priority', 'u=2, i']),
    get(9, ['priority', 'i, u=2'])
  )
  made.feed(frame(0x10, 0, 0, Buffer.concat([u32(3), Buffer.from('u=0')])))
  const order = made.feed(frame(8, 0, 0, u32(1_000_000))).map(({ id }) => id)
  t.strictSame(order.slice(0, 6), [3, 3, 3, 5, 5, 5])
  t.strictSame(order.slice(6, 10), [7, 9, 7, 9])
})

t.test('who reads nothing is told to wait at a bound, and goes on afterwards', async (t) => {
  const made = lab()
  made.feed(frame(8, 0, 0, u32(0x7000_0000)), frame(4, 0, 0, setting(4, 0x7000_0000)))
  made.feed(get(1))
  const { stream } = made.heard[0]!
  made.session.respond(stream, 200, '', -1)
  const piece = Buffer.alloc(65_536)
  let pieces = 0
  while (made.session.sender.flowing(stream) && pieces < 100) {
    made.session.send(stream, piece, 0, piece.length, false)
    pieces++
  }
  t.ok(pieces <= 5, `${pieces} pieces`)
  made.frames()
  t.equal(made.heard[0]!.drains, 1)
})

t.test(
  'END_STREAM goes with the last frame that has not been written yet, also with a head alone',
  async (t) => {
    const made = lab()
    made.feed(get(1), get(3))
    const [first, second] = made.heard
    made.session.respond(first!.stream, 204, '', -1, true)
    t.strictSame(
      made.frames().map(({ type, flags }) => [type, flags]),
      [[1, 5]]
    )
    made.session.respond(second!.stream, 200, '', -1)
    made.session.sendText(second!.stream, 'abc')
    made.frames()
    made.session.end(second!.stream, 'x-sum: 1\r\n')
    t.strictSame(
      made.frames().map(({ type, flags }) => [type, flags]),
      [[1, 5]]
    )
  }
)

t.test('however the bytes are cut, the same is heard and answered', async (t) => {
  const script = Buffer.concat([
    preface,
    open(1, ['content-length', '5']),
    frame(0, 8, 1, Buffer.concat([Buffer.from([3]), Buffer.from('hel'), Buffer.alloc(3)])),
    get(3, ['cookie', 'a'], ['cookie', 'b']),
    frame(6, 0, 0, Buffer.from('12345678')),
    frame(0, 1, 1, Buffer.from('lo')),
    frame(1, 1, 5, block(POST.slice(0, 2))),
    frame(9, 4, 5, block(POST.slice(2))),
    open(7),
    frame(0, 0, 7, Buffer.alloc(3000, 'y')),
    frame(1, 5, 7, block([['x-sum', '1']]))
  ])
  const run = (cuts: readonly number[]): unknown => {
    const made = new Lab()
    const frames: Frame[] = made.frames()
    const answered = new Set<unknown>()
    let at = 0
    for (const cut of [...cuts, script.length].sort((a, b) => a - b)) {
      frames.push(...made.feed(script.subarray(at, cut)))
      at = cut
      for (const { stream, trailers } of made.heard) {
        if (trailers === undefined || answered.has(stream)) continue
        answered.add(stream)
        made.session.respond(stream, 200, '', -1, true)
      }
      frames.push(...made.frames())
    }
    const heard = made.heard.map(({ request, body, trailers, closed }) => [request?.target, request?.headers.text, body, trailers, closed]) // prettier-ignore
    // Streams are answered in the order in which they end, which the cuts do not change; PING goes its own way.
    const sent = frames.sort((a, b) => a.id - b.id).map(({ type, flags, id, payload }) => [type, flags, id, payload.toString('hex')]) // prettier-ignore
    return { heard, sent, ends: made.ends }
  }
  const whole = run([])
  fc.assert(
    fc.property(
      fc.array(fc.nat(script.length), { maxLength: 30 }),
      (cuts) => void t.strictSame(run(cuts), whole)
    ),
    { numRuns: 200 }
  )
})

t.test('no frames make it throw, and every stream that was opened ends once', async (t) => {
  const id = fc.constantFrom(0, 1, 1, 3, 5, 2, 0x7fff_ffff)
  const sane = fc.constantFrom(...[1, 3, 5, 7].flatMap((each) => [open(each), get(each)]))
  const payload = fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.constant(block(GET)), fc.constantFrom(...[0, 1, 65_535, 0x7fff_ffff].map((value) => u32(value)))) // prettier-ignore
  const any = fc
    .tuple(fc.integer({ min: 0, max: 17 }), fc.integer({ min: 0, max: 63 }), id, payload)
    .map(([type, flags, stream, bytes]) => frame(type, flags, stream, bytes))
  const step = fc.oneof(
    sane,
    any,
    fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes))
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), fc.nat(3), (steps, way) => {
      const made = lab()
      made.onHeard = ({ stream }) => {
        if (way === 0) made.session.respond(stream, 200, '', -1, true)
        if (way === 1) made.session.reset(stream.id, 8)
        if (way === 2) made.session.hold(stream)
      }
      for (const bytes of steps) made.feed(bytes)
      made.session.abandon()
      t.equal(made.session.streams.size, 0)
      t.equal(new Set(made.heard.map(({ stream }) => stream.id)).size, made.heard.length)
      t.ok(made.ends.length >= made.heard.length)
    }),
    { numRuns: 1500 }
  )
})

t.test('the rest of a DATA frame whose stream was reset is credited to the connection', async (t) => {
  for (const padded of [false, true]) {
    const made = lab()
    const payload = Buffer.alloc(16_000)
    if (padded) payload[0] = 200
    let window = 1_048_576
    for (let id = 1; id < 400; id += 2) {
      made.feed(open(id))
      const bytes = frame(0, padded ? 8 : 0, id, payload)
      window -= payload.length
      t.ok(window >= 0, `the window is open, stream ${id}`)
      if (window < 0) return
      made.feed(bytes.subarray(0, 9 + 100 + id))
      made.session.reset(id, 2)
      for (const each of made.feed(bytes.subarray(9 + 100 + id))) {
        if (each.type === 8 && each.id === 0) window += each.payload.readUInt32BE(0)
      }
    }
    t.equal(made.over, undefined)
    t.ok(window >= 500_000, `${window} bytes are left`)
  }
})

t.test('whole requests that are answered unread shut no window, however many there are', async (t) => {
  const made = lab()
  made.takes = false
  let window = 1_048_576
  for (let id = 1; id < 400; id += 2) {
    const parts = [0, 0, 1].map((flags) => frame(0, flags, id, Buffer.alloc(16_000)))
    window -= 48_000
    const frames = made.feed(open(id), ...parts)
    made.session.respond(made.heard.at(-1)!.stream, 403, '', -1, true)
    for (const each of [...frames, ...made.frames()])
      if (each.type === 8 && each.id === 0) window += each.payload.readUInt32BE(0)
    t.ok(window >= 48_000, `${window} bytes are left before stream ${id + 2}`)
    if (window < 48_000) return
  }
})
