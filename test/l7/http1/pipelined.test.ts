import t from 'tap'
import type { Transport } from '../../../src/net/transport/transport.ts'
import { RequestReader, type RequestEvents } from '../../../src/l7/http1/server/request-reader.ts'
import { seededRandom } from '../../../src/core/random.ts'
import { rawBackend, answering, labOf, OK } from '../engine/lab.ts'

const inForce = { snapshot: { config: { limits: { headBytes: 16_384, headerCount: 100, urlBytes: 8192 } } } }

/** Reads `text` in pieces of `size`, as the reader lets them come; after each `pace` pieces one request is answered. */
function readInPieces(text: Buffer, size: number, pace: number): { requests: number; stuck: boolean } {
  let paused = false
  const transport = {
    closed: false,
    pause: () => (paused = true),
    resume: () => (paused = false)
  } as unknown as Transport
  let requests = 0
  let open = false
  const events: RequestEvents = {
    onHeadBegun() {},
    onRequest() {
      requests++
      open = true
    },
    onBadHead(failure) {
      throw new Error(`bad head ${failure}`)
    },
    onBadBody() {},
    onBodyRead() {},
    onBody() {},
    onBodyEnd() {},
    onReadDone() {}
  }
  const reader = new RequestReader(transport, events, inForce)
  for (let at = 0, turn = 0; at < text.length || open; turn++) {
    const before = requests
    const was = at
    if (!paused && at < text.length) {
      const end = Math.min(text.length, at + size)
      reader.receive(text, at, end)
      at = end
    }
    if (open && (turn % pace === 0 || paused || at === text.length)) {
      open = false
      reader.next()
    }
    if (!open && paused && before === requests && was === at) return { requests, stuck: true }
  }
  return { requests, stuck: false }
}

t.test('a thousand pipelined requests are read, wherever the bytes are cut', (t) => {
  const head =
    'GET /abc HTTP/1.1\r\nHost: example.test\r\nX-Filler: 0123456789012345678901234567890123456789\r\n\r\n'
  const text = Buffer.from(head.repeat(1000))
  const sizes = [17, 64, 1000, 1460, 16_384, 70_000]
  for (let extra = -head.length; extra <= head.length; extra += 9) sizes.push(65_536 + extra, 32_768 + extra)
  const wrong = sizes.flatMap((size) =>
    [1, 2].flatMap((pace) => {
      const { requests, stuck } = readInPieces(text, size, pace)
      return stuck || requests !== 1000 ? [`${size} at ${pace}: ${requests}`] : []
    })
  )
  t.strictSame(wrong, [])
  t.end()
})

t.test('a thousand pipelined requests over a socket get a thousand answers', async (t) => {
  const backend = await rawBackend(answering(() => OK))
  const lab = await labOf([backend])
  t.teardown(() => lab.close())
  t.teardown(() => backend.close())
  for (const filler of [1, 50, 73]) {
    const client = await lab.client()
    const head = `GET / HTTP/1.1\r\nHost: example.test\r\nX-Filler: ${'f'.repeat(filler)}\r\n\r\n`
    client.send(head.repeat(1000))
    const count = () => client.received.split('HTTP/1.1 200').length - 1
    await client.until(() => count() === 1000 || client.ended, 'answers')
    t.equal(count(), 1000)
  }
})

const ANSWERED_HERE = { routes: [{ match: { path: '/none' }, respond: { status: 404 } }, { pool: 'web' }] }

t.test('requests that a client ended with its FIN are all answered, whoever answers them', async (t) => {
  const backend = await rawBackend(answering(() => OK))
  const lab = await labOf([backend], { listener: { pool: undefined, ...ANSWERED_HERE } })
  t.teardown(() => lab.close())
  t.teardown(() => backend.close())
  const random = seededRandom(20)
  const below = (most: number): number => Math.floor(random() * most)
  for (let round = 0; round < 60; round++) {
    const paths = Array.from({ length: 1 + below(80) }, () => (below(4) === 0 ? '/' : '/none'))
    const text = paths.map((path) => `GET ${path} HTTP/1.1\r\nHost: example.test\r\n\r\n`).join('')
    const cut = below(text.length)
    // What follows is no whole request, and never will be.
    const tail = below(3) === 0 ? 'GET / HTTP/1.1\r\nHo' : ''
    const client = await lab.client()
    client.send(text.slice(0, cut))
    if (below(2) === 0) await new Promise((resolve) => setImmediate(resolve))
    client.socket.end(text.slice(cut) + tail)
    const got = [...(await client.end()).matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status)
    const expected = paths.map((path) => (path === '/' ? '200' : '404'))
    t.strictSame(got.slice(0, expected.length), expected, `round ${round}`)
    t.ok(got.length === expected.length || tail !== '')
  }
})

t.test('requests that are answered at once leave others their turn', async (t) => {
  let paused = false
  const transport = {
    closed: false,
    pause: () => (paused = true),
    resume: () => (paused = false)
  } as unknown as Transport
  let begun = 0
  const text = Buffer.from('GET / HTTP/1.1\r\nHost: example.test\r\n\r\n'.repeat(1000))
  const events = {
    onRequest() {
      begun++
      reader.next()
    },
    onReadDone: () => void slices.push(begun)
  } as unknown as RequestEvents
  const slices: number[] = []
  const reader: RequestReader = new RequestReader(transport, events, inForce)
  reader.receive(text, 0, text.length)
  t.strictSame([begun, paused, reader.readsOn], [32, true, true])
  while (begun < 1000) await new Promise((resolve) => setImmediate(resolve))
  t.strictSame([slices.length, paused, reader.readsOn, reader.hasMore], [32, false, false, false])
  t.ok(slices.every((count, at) => count - (slices[at - 1] ?? 0) <= 32))
})
