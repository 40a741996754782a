import { setImmediate as turn } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import type { BodyOutput } from '../../../src/l7/exchange/body-chain.ts'
import { BodyDecoder } from '../../../src/l7/stages/decompress/body-decoder.ts'
import { decoderMemory, DecoderRoom, type Decoding } from '../../../src/l7/stages/decompress/decoder-room.ts'

const MB = 1_048_576

class Body implements Decoding {
  seat = -1
  held = 0
  blocked = false
  received = 0
  since = 0
  gone = 0

  giveUp(): void {
    this.gone++
  }
}

function filled(): { room: DecoderRoom; bodies: Body[] } {
  const room = new DecoderRoom(4 * MB)
  const bodies = Array.from({ length: 4 }, () => new Body())
  for (const body of bodies) room.enter(body, MB)
  return { room, bodies }
}

t.test(
  'the slowest gives up its place, but none that is young, fast, or waits for its backend',
  async (t) => {
    const { room, bodies } = filled()
    t.notOk(room.makeRoom(1_999), 'all are young')
    for (const body of bodies) body.received = 200_000
    t.notOk(room.makeRoom(2_000), 'all are fast')
    bodies[1]!.received = 20_000
    bodies[2]!.received = 0
    bodies[2]!.blocked = true
    t.ok(room.makeRoom(2_000))
    t.same(bodies.map(({ gone }) => gone), [0, 1, 0, 0]) // prettier-ignore
    t.equal(room.held, 3 * MB)
    room.leave(bodies[1]!)
    t.equal(room.held, 3 * MB, 'it leaves once')
  }
)

t.test('a window that fills counts, and at twice the room the slowest goes whatever it does', async (t) => {
  t.equal(decoderMemory('zstd', 100 * MB) - decoderMemory('zstd', 0), 8 * MB)
  t.equal(decoderMemory('gzip', 100 * MB), decoderMemory('gzip', 0))
  const { room, bodies } = filled()
  for (const body of bodies) body.received = 1_000_000
  bodies[3]!.received = 999_999
  bodies[3]!.blocked = true
  room.resize(bodies[0]!, 5 * MB, 10)
  t.equal(room.held, 8 * MB)
  room.resize(bodies[0]!, 6 * MB, 10)
  t.same(bodies.map(({ gone }) => gone), [0, 0, 0, 1]) // prettier-ignore
  t.equal(room.held, 8 * MB)
})

t.test('those that wait are let in in order, as places become free; one that has left is not', async (t) => {
  const { room, bodies } = filled()
  const entered: number[] = []
  const waiting = [0, 1, 2].map((at) => () => {
    const body = new Body()
    entered.push(at)
    room.enter(body, MB)
  })
  for (const enter of waiting) t.ok(room.wait(enter))
  room.forget(waiting[1]!)
  room.leave(bodies[0]!)
  await turn()
  t.same(entered, [0])
  for (const body of bodies) room.leave(body)
  await turn()
  t.same(entered, [0, 2])
  t.equal(room.waiting, 0)
  for (let at = 0; at < 1_000; at++) room.wait(() => {})
  t.notOk(
    room.wait(() => {}),
    'no more wait'
  )
})

t.test('one that ends for others says whether it waited for its backend', async (t) => {
  for (const slowBackend of [true, false]) {
    const room = new DecoderRoom(MB)
    const told: boolean[] = []
    let written = 0
    const output = { write: () => ++written > 0 && !slowBackend, end() {}, fail() {}, ready() {} }
    const decoder = new BodyDecoder({
      coding: 'gzip',
      limits: { maxBytes: MB, ratio: 10_000 },
      owner: { onInternalError: () => '' },
      output: output as unknown as BodyOutput,
      room,
      now: () => 0,
      decoded() {},
      refuse() {},
      giveUp: (blocked) => told.push(blocked)
    })
    const encoded = gzipSync(Buffer.alloc(200_000, 'abc'))
    decoder.write(encoded, 0, encoded.length - 8)
    while (written === 0) await new Promise((resolve) => setTimeout(resolve, 5))
    const quick = new Body()
    quick.received = MB
    room.enter(quick, 2 * MB)
    t.same(told, [slowBackend])
  }
})
