import t from 'tap'
import { errorName } from '../../../src/l7/http2/frames/codes.ts'
import { block, frame, GET, lab, setting, u32, type Lab } from './wire.ts'

// Each test plays one attacker against the state machine. The bound that stops it stands in docs/threat-model.md.

const get = (id: number) => frame(1, 5, id, block(GET))
const open = (id: number) => frame(1, 4, id, block([[':method', 'POST'], ...GET.slice(1)]))

/** Feeds until the connection is over; returns how often, and the code. */
function attack(
  made: Lab,
  bytes: (round: number) => Uint8Array,
  rounds = 20_000
): { rounds: number; code: string } {
  for (let round = 0; round < rounds; round++) {
    made.feed(bytes(round))
    if (made.over !== undefined) return { rounds: round + 1, code: errorName(made.over.code) }
  }
  return { rounds, code: 'none' }
}

const floods: Record<string, (round: number) => Uint8Array> = {
  'rapid reset': (round) => Buffer.concat([get(2 * round + 1), frame(3, 0, 2 * round + 1, u32(8))]),
  'made-you-reset by a window of 0': (round) =>
    Buffer.concat([open(2 * round + 1), frame(8, 0, 2 * round + 1, u32(0))]),
  'made-you-reset by a window over 2^31-1': (round) =>
    Buffer.concat([open(2 * round + 1), frame(8, 0, 2 * round + 1, u32(0x7fff_ffff))]),
  'made-you-reset by DATA behind END_STREAM': (round) =>
    Buffer.concat([get(2 * round + 1), frame(0, 0, 2 * round + 1, Buffer.from('a'))]),
  'made-you-reset by PRIORITY of a wrong size': (round) =>
    Buffer.concat([open(2 * round + 1), frame(2, 0, 2 * round + 1, Buffer.alloc(4))]),
  'malformed requests': (round) => frame(1, 5, 2 * round + 1, block([...GET, ['connection', 'x']])),
  SETTINGS: () => frame(4, 0, 0, setting(4, 65_535)),
  PING: () => frame(6, 0, 0, Buffer.alloc(8)),
  PRIORITY: () => frame(2, 0, 1, Buffer.concat([u32(0), Buffer.alloc(1)])),
  PRIORITY_UPDATE: () => frame(0x10, 0, 0, Buffer.concat([u32(1), Buffer.from('u=1')])),
  'WINDOW_UPDATE of one octet': () => frame(8, 0, 0, u32(1)),
  'unknown frames': () => frame(0x55, 0, 0)
}

for (const [name, bytes] of Object.entries(floods)) {
  t.test(`a flood of ${name} ends with ENHANCE_YOUR_CALM`, async (t) => {
    const { rounds, code } = attack(lab(), bytes)
    t.equal(code, 'ENHANCE_YOUR_CALM')
    t.ok(rounds >= 100 && rounds <= 7000, `after ${rounds} rounds`)
  })
}

t.test('a flood of empty DATA ends with ENHANCE_YOUR_CALM', async (t) => {
  const made = lab()
  made.feed(open(1))
  t.equal(attack(made, () => frame(0, 0, 1)).code, 'ENHANCE_YOUR_CALM')
  const padded = lab()
  padded.feed(open(1))
  t.equal(attack(padded, () => frame(0, 8, 1, Buffer.from([0]))).code, 'ENHANCE_YOUR_CALM')
})

t.test('windows that open by the octet end with ENHANCE_YOUR_CALM, and what honest ones leave over does not', async (t) => {
  const through = (increment: number, rounds: number): string => {
    const made = lab()
    made.feed(frame(4, 0, 0, setting(4, 0)), get(1))
    const { stream } = made.heard[0]!
    made.session.respond(stream, 200, '', -1)
    const body = Buffer.alloc(400_000)
    return attack(made, () => {
      if (stream.pendingBytes < 200_000) made.session.send(stream, body, 0, body.length, true)
      return Buffer.concat([frame(8, 0, 0, u32(increment)), frame(8, 0, 1, u32(increment))])
    }, rounds).code
  }
  t.equal(through(1, 20_000), 'ENHANCE_YOUR_CALM')
  t.equal(through(63, 20_000), 'ENHANCE_YOUR_CALM')
  for (const increment of [64, 1_000, 16_385, 49_153]) t.equal(through(increment, 4_000), 'none')
}) // prettier-ignore

t.test('a body that is held takes its size and not its number of frames', async (t) => {
  const made = lab()
  made.onHeard = ({ stream }) => made.session.hold(stream)
  made.feed(open(1))
  for (let i = 0; i < 60; i++) made.feed(Buffer.concat(Array<Buffer>(1000).fill(frame(0, 0, 1, Buffer.from('a'))))) // prettier-ignore
  const { stream } = made.heard[0]!
  t.equal(stream.heldBytes, 60_000)
  t.ok(stream.held!.list.length < 10, `${stream.held!.list.length} buffers`)
  made.session.flow(stream)
  t.equal(made.heard[0]!.body, 'a'.repeat(60_000))
})

t.test('patience comes back with time: what an honest client does at its own pace is no flood', async (t) => {
  const made = lab()
  for (let second = 1; second <= 600; second++) {
    made.session.now = second * 1000
    // Ten cancelled requests, a PING and a change of SETTINGS each second.
    for (let i = 0; i < 10; i++) made.feed(floods['rapid reset']!(second * 10 + i))
    made.feed(floods.PING!(0), floods.SETTINGS!(0))
  }
  t.equal(made.over, undefined)
})

t.test('deadlines, cancels beside answers, and what was on its way are no floods', async (t) => {
  const slow = lab()
  for (let second = 1; second <= 60; second++) {
    slow.session.now = second * 1000
    // Fifty calls a second have a deadline of 1.5 s, and all of them miss it.
    if (second % 2 === 1) for (let i = 0; i < 100; i++) slow.feed(get(2 * (second * 100 + i) + 1))
    else {
      slow.session.now += 500
      for (let i = 0; i < 100; i++) slow.feed(frame(3, 0, 2 * ((second - 1) * 100 + i) + 1, u32(8)))
    }
  }
  t.equal(slow.over, undefined)
  t.equal(slow.open, 0)

  const half = lab()
  for (let round = 0; round < 20_000; round++) {
    half.feed(get(4 * round + 1), get(4 * round + 3))
    half.session.respond(half.heard.at(-1)!.stream, 204, '', -1, true)
    half.feed(frame(3, 0, 4 * round + 1, u32(8)))
  }
  t.equal(half.over, undefined)

  const refused = lab()
  for (let id = 1; id < 100; id += 2) {
    refused.feed(open(id))
    refused.session.reset(id, 0)
    for (let i = 0; i < 1000; i++) refused.feed(frame(0, 0, id, Buffer.alloc(50)))
  }
  t.equal(refused.over, undefined)
})

t.test('CONTINUATION without end stops at eight, small ones or large ones', async (t) => {
  for (const size of [0, 1, 16_000]) {
    const made = lab()
    made.feed(frame(1, 1, 1, block(GET)))
    const { rounds, code } = attack(made, () => frame(9, 0, 1, Buffer.alloc(size)), 100)
    t.equal(code, 'ENHANCE_YOUR_CALM')
    t.ok(rounds <= 9)
  }
})

t.test('streams over the limit are refused', async (t) => {
  const made = lab(10)
  const all = Buffer.concat(Array.from({ length: 12 }, (_, i) => get(2 * i + 1)))
  t.strictSame(
    made.feed(all).map(({ type, id, payload }) => [type, id, errorName(payload.readUInt32BE(0))]),
    [
      [3, 21, 'REFUSED_STREAM'],
      [3, 23, 'REFUSED_STREAM']
    ]
  )
  t.equal(made.heard.length, 10)
})

t.test('a request that is reset in the read it came in does not begin', async (t) => {
  for (const name of ['rapid reset', 'made-you-reset by a window of 0']) {
    const made = lab(10)
    const cancelled = Array.from({ length: 100 }, (_, i) => floods[name]!(i))
    made.feed(Buffer.concat([...cancelled, get(201), open(203), frame(0, 1, 203, Buffer.from('body'))]))
    t.strictSame(
      made.heard.map(({ stream, body }) => [stream.id, body]),
      [
        [201, ''],
        [203, 'body']
      ]
    )
    t.equal(made.open, 2)
  }
})

t.test('PINGs of a client that reads nothing do not pile up', async (t) => {
  const made = lab()
  let rounds = 0
  // Time passes, so the bucket is not what stops it; nothing is ever written.
  for (; made.over === undefined && rounds < 10_000; rounds++) {
    made.session.now += 1000
    const bytes = frame(6, 0, 0, Buffer.alloc(8))
    made.session.receive(bytes, 0, bytes.length)
  }
  t.equal(errorName(made.over!.code), 'ENHANCE_YOUR_CALM')
  t.ok(made.session.out.bytes < 65_536)
})

t.test(
  'streams opened and never ended hold what their windows allow, together no more than the bound',
  async (t) => {
    const made = lab(128)
    made.onHeard = ({ stream }) => made.session.hold(stream)
    let sent = 0
    for (let id = 1; id < 256; id += 2) {
      made.feed(open(id))
      for (let i = 0; i < 3 && made.over === undefined; i++) {
        made.feed(frame(0, 0, id, Buffer.alloc(16_384)))
        if (made.over === undefined) sent += 16_384
      }
    }
    t.equal(errorName(made.over!.code), 'FLOW_CONTROL_ERROR', 'the connection window is held back')
    t.ok(sent <= 3_300_000, `${sent} bytes`)
  }
)

t.test('a table that is thrashed and shrunk stays in step with the peer', async (t) => {
  const made = lab()
  for (let i = 0; i < 500; i++) {
    const updates = Buffer.from([0x20, 0x3f, 0xe1, 0x1f])
    const literal = Buffer.concat([Buffer.from([0x40, 1, 120, 100]), Buffer.alloc(100, 65 + (i % 26))])
    made.feed(frame(1, 5, 2 * i + 1, Buffer.concat([updates, block(GET), literal])))
    made.session.respond(made.heard.at(-1)!.stream, 200, '', -1, true)
  }
  t.equal(made.over, undefined)
  t.equal(made.failures.length + made.heard.length, 500)
})

t.test('a field that was refused is refused again when a later request names it by its number', async (t) => {
  const made = lab()
  const text = (value: string): Buffer => Buffer.concat([Buffer.from([value.length]), Buffer.from(value)])
  const literal = (name: string, value: string): Buffer => Buffer.concat([Buffer.from([0x40]), text(name), text(value)]) // prettier-ignore
  const bad = [['x-a', 'v\r\nx: y'], ['X-A', 'v'], ['x a', 'v'], ['connection', 'close'], ['te', 'gzip'], ['transfer-encoding', 'chunked'], ['content-length', '5, 5'], [':scheme', 'h ttp'], ['host', 'b.example']] as const // prettier-ignore
  let id = -1
  for (const [name, value] of bad) {
    for (const field of [literal(name, value), Buffer.from([0xbe]), Buffer.from([0xbe])]) {
      const frames = made.feed(frame(1, 5, (id += 2), Buffer.concat([block(GET), field])))
      t.strictSame(frames.map(({ type, payload }) => [type, payload[3]]), [[3, 1]], `${name}: ${value}`) // prettier-ignore
    }
    // Its name with another value, which says nothing about the first.
    const frames = made.feed(frame(1, 5, (id += 2), Buffer.concat([block(GET), Buffer.from([0x0f, 47]), text('\r')]))) // prettier-ignore
    t.strictSame(frames.map(({ type }) => type), [3], `${name} again`) // prettier-ignore
  }
  t.strictSame(made.heard, [])
})
