import t from 'tap'
import {
  FrameReader,
  NEXT_SLICE,
  SMALL_SLICE,
  type FrameSink
} from '../../../src/l7/http2/frames/frame-reader.ts'
import { errorName } from '../../../src/l7/http2/frames/codes.ts'
import { Offenders } from '../../../src/l7/http2/server/offenders.ts'
import { ReadSlices } from '../../../src/l7/http2/server/read-slices.ts'
import type { Session } from '../../../src/l7/http2/session/session.ts'
import type { Transport } from '../../../src/net/transport/transport.ts'
import { block, frame, GET, lab, u32 } from './wire.ts'

const READ = 80 * 1024
const many = (bytes: Buffer): Buffer =>
  Buffer.concat(Array<Buffer>(Math.floor(READ / bytes.length)).fill(bytes))

class Counting implements FrameSink {
  frames = 0
  data = 0
  onFrame(): boolean {
    this.frames++
    return true
  }
  onDataBegin(): boolean {
    this.frames++
    return true
  }
  onDataPart(_: number, _buffer: Buffer, start: number, end: number): boolean {
    this.data += end - start
    return true
  }
  onDataEnd(): boolean {
    return true
  }
  onBadFrame(): void {}
}

const floods: Record<string, { bytes: Buffer; most: number }> = {
  PING: { bytes: frame(6, 0, 0, Buffer.alloc(8)), most: 256 },
  'WINDOW_UPDATE of one octet': { bytes: frame(8, 0, 1, u32(1)), most: 256 },
  'DATA of one octet': { bytes: frame(0, 0, 1, Buffer.from('a')), most: 256 },
  'empty DATA': { bytes: frame(0, 0, 1), most: 256 },
  'short HEADERS': { bytes: frame(1, 5, 1, Buffer.from([0x82])), most: 16 },
  'long HEADERS': { bytes: frame(1, 5, 1, Buffer.alloc(4000)), most: 3 }
}

for (const [name, { bytes, most }] of Object.entries(floods)) {
  t.test(`a read full of ${name} is done in slices, and none of it is lost`, async (t) => {
    const sink = new Counting()
    const reader = new FrameReader(sink, false)
    const read = many(bytes)
    let [at, slices] = [0, 0]
    while (at < read.length) {
      const before = sink.frames
      at = reader.receive(read, at, read.length)
      t.ok(sink.frames - before <= most)
      t.equal(at % bytes.length, 0)
      slices++
    }
    t.equal(sink.frames, read.length / bytes.length)
    t.ok(slices > 4)
  })
}

t.test('an upload in large frames is one slice', async (t) => {
  const sink = new Counting()
  const read = many(frame(0, 0, 1, Buffer.alloc(16_384)))
  t.equal(new FrameReader(sink, false).receive(read, 0, read.length), read.length)
  t.equal(sink.data, 4 * 16_384)
})

t.test('a slice of requests begins those requests only', async (t) => {
  const made = lab(1000)
  const read = Buffer.concat(Array.from({ length: 100 }, (_, at) => frame(1, 5, 2 * at + 1, block(GET))))
  const at = made.session.receiveSlice(read, 0, read.length)
  t.equal(made.heard.length, 16)
  const next = made.session.receiveSlice(read, at, read.length, NEXT_SLICE)
  t.equal(made.heard.length, 24, 'the next slices of a read are shorter')
  made.session.receive(read, next, read.length)
  t.equal(made.heard.length, 100)
})

/** A connection that reads so many bytes at a time. */
function sliced(most: number) {
  const seen = { bytes: '', reading: 0, ends: 0, paused: false, slices: 0, held: 0, work: 0 }
  const owner = {
    now: 7,
    closing: false,
    holdBack: { applies: false, holds: () => ++seen.held === 1 },
    onSlice: () => void seen.slices++,
    onEnd: () => void seen.ends++
  }
  const session = {
    now: 0,
    receiveSlice(buffer: Buffer, start: number, end: number, work: number): number {
      seen.work = work
      const at = Math.min(end, start + most)
      seen.bytes += buffer.toString('latin1', start, at)
      return at
    }
  }
  const transport = { pause: () => void (seen.paused = true), resume: () => void (seen.paused = false) }
  const slices = new ReadSlices(transport as Transport, session as Session, owner)
  const take = (text: string): void => slices.take(Buffer.from(`--${text}--`), 2, 2 + text.length)
  return { seen, owner, session, slices, take }
}
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
const until = async (done: () => boolean): Promise<void> => {
  while (!done()) await turn()
}

t.test('what one slice leaves is read in later turns, in order, while the transport is paused', async (t) => {
  const { seen, slices, take } = sliced(3)
  take('abc')
  t.equal(seen.paused, false)
  take('defgh')
  t.same([seen.bytes, seen.paused, slices.keepsEnd()], ['abcdef', true, true])
  // TLS may have decrypted more.
  take('ijklm')
  await until(() => !seen.paused)
  t.same([seen.bytes, seen.ends], ['abcdefghijklm', 1])
})

t.test('a connection that closes reads no more', async (t) => {
  const { seen, slices, take } = sliced(1)
  take('abc')
  slices.drop()
  await turn()
  await turn()
  t.same([seen.bytes, seen.paused], ['a', true])
  const closing = sliced(1)
  closing.take('abc')
  closing.owner.closing = true
  await until(() => !closing.seen.paused)
  t.equal(closing.seen.bytes, 'a')
})

t.test('what a client that is held back sends beyond a small slice waits for its release', async (t) => {
  const { seen, owner, slices, take } = sliced(3)
  owner.holdBack.applies = true
  take('abc')
  t.same([seen.bytes, seen.held, seen.paused, seen.work], ['abc', 0, false, SMALL_SLICE])
  take('defgh')
  for (let i = 0; i < 3; i++) await turn()
  t.same([seen.bytes, seen.held, seen.paused, slices.keepsEnd()], ['abcdef', 1, true, true])
  slices.release()
  await until(() => !seen.paused)
  t.same([seen.bytes, seen.ends], ['abcdefgh', 1])
})

t.test('connections take turns', async (t) => {
  const order: string[] = []
  const all = ['a', 'b', 'c'].map((name) => {
    const made = sliced(1)
    made.owner.onSlice = () => void order.push(name)
    made.take('xxxx')
    return made
  })
  await until(() => all.every(({ seen }) => !seen.paused))
  t.equal(order.join(''), 'abcabcabcabc')
})

t.test(
  'a client whose connection was ended for its glitches has a tenth of them on the next one',
  async (t) => {
    const rounds = (distrusted: boolean): number => {
      const made = lab()
      if (distrusted) made.session.glitches.distrust()
      for (let round = 0; ; round++) {
        if (made.over !== undefined) return errorName(made.over.code) === 'ENHANCE_YOUR_CALM' ? round : 0
        made.feed(frame(1, 5, 2 * round + 1, block([...GET, ['connection', 'x']])))
      }
    }
    t.same([rounds(false), rounds(true)], [501, 51])
  }
)

t.test('such clients are remembered for a minute, by /64, and 1,024 of them', async (t) => {
  const offenders = new Offenders()
  const has = (client: string, now: number) => offenders.distrusts(client, now)
  t.notOk(has('192.0.2.1', 0))
  offenders.add('192.0.2.1', 0)
  offenders.add('2001:db8::1', 1000)
  offenders.add('', 1000)
  t.same(
    ['192.0.2.1', '192.0.2.2', '2001:db8::2', '2001:db8:0:1::1', ''].map((client) => has(client, 2000)),
    [true, false, true, false, false]
  )
  t.notOk(has('192.0.2.1', 60_001))
  for (let at = 0; at < 1024; at++) offenders.add(`10.0.${at >> 8}.${at & 255}`, 2000)
  t.same([has('192.0.2.1', 2000), has('2001:db8::1', 2000)], [false, false])
  t.ok(has('10.0.0.0', 2000) && has('10.0.3.255', 2000))
  offenders.add('10.0.0.0', 3000)
  offenders.add('10.1.0.0', 3000)
  t.same(
    ['10.0.0.0', '10.0.0.1', '10.0.0.2'].map((client) => has(client, 3000)),
    [true, false, true]
  )
})

t.test(
  'what a client with three offences sends is read ten times a second, until it has not offended for 10 s',
  (t) => {
    const offenders = new Offenders()
    const held = (now: number, client = 'a') => offenders.holdsBack(client, now)
    const wait = (now: number) => offenders.wait('a', now)
    for (const at of [0, 30_000]) offenders.add('a', at)
    t.notOk(held(30_000), 'two are none yet')
    offenders.add('a', 80_000)
    t.ok(held(80_000) && held(89_999))
    t.same([wait(80_000), wait(80_000), wait(80_000)], [0, 100, 200], 'one is read at once')
    for (let i = 3; i < 20; i++) t.equal(wait(80_000), 100 * i)
    t.same([wait(80_000), wait(80_000), wait(80_100)], [2000, 2000, 2000], 'nobody waits longer')
    t.equal(wait(85_000), 0, 'nor when the others are through')
    t.notOk(held(80_000, 'b'), 'others are read at once')
    t.notOk(held(90_000), 'it has stopped')
    t.ok(offenders.distrusts('a', 90_000))
    offenders.add('a', 95_000)
    t.ok(held(95_000), 'it goes on')
    t.notOk(held(155_000), 'forgotten after a minute')
    offenders.add('a', 200_000)
    t.notOk(held(200_000), 'and then it counts anew')
    t.end()
  }
)

t.test('all that wait are 256, whoever they are', (t) => {
  const offenders = new Offenders()
  for (let client = 0; client < 20; client++) for (let i = 0; i < 3; i++) offenders.add(`${client}`, 1000)
  let refused = 0
  for (let client = 0; client < 20; client++)
    for (let i = 0; i < 20; i++) if (offenders.wait(`${client}`, 1000) < 0) refused++
  t.equal(refused, 20 * 20 - 20 - 256)
  offenders.begun()
  t.ok(offenders.wait('0', 2950) > 0)
  t.end()
})

t.test('what connections leave behind adds up, but for what time works off', (t) => {
  const of = (times: number, units: number, apart: number, between = 0): boolean => {
    const offenders = new Offenders()
    let now = 0
    for (let i = 0; i < times; i++)
      offenders.leaves('a', units, (now += i % 10 === 0 ? between + apart : apart))
    return offenders.distrusts('a', now)
  }
  t.notOk(of(8, 1200, 0), '9,600 units')
  t.ok(of(9, 1200, 0))
  t.notOk(of(1000, 500, 1000), 'as much as comes back')
  t.ok(of(1000, 600, 1000))
  t.notOk(of(1000, 199, 0), 'a few cancelled requests each are not remembered')
  const made = lab()
  for (let i = 0; i < 30; i++) made.feed(frame(1, 5, 2 * i + 1, block(GET)))
  for (let i = 0; i < 10; i++) made.session.respond(made.heard[i]!.stream, 200, '', -1, true)
  t.equal(made.session.earlyStreams, 20)
  t.equal(made.session.glitches.leaves(20, 0), 100, 'ten were answered')
  made.session.now = 1000
  t.equal(made.session.earlyStreams, 0, 'these are old')
  t.end()
})

t.test('a hundred connections that end together are one offence', (t) => {
  const offenders = new Offenders()
  for (let i = 0; i < 100; i++) offenders.leaves('a', 1280, 5000)
  t.notOk(offenders.holdsBack('a', 5000))
  for (const at of [6000, 7000]) for (let i = 0; i < 100; i++) offenders.leaves('a', 1280, at)
  t.ok(offenders.holdsBack('a', 7000))
  t.end()
})
