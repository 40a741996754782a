import t from 'tap'
import type { Transport } from '../../../src/net/transport/transport.ts'
import { RequestReader, type RequestEvents } from '../../../src/l7/http1/server/request-reader.ts'
import { rawBackend, answering, labOf, OK } from '../engine/lab.ts'

const limits = { headBytes: 16_384, headerCount: 100, urlBytes: 8192 }

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
    limits,
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
  const reader = new RequestReader(transport, events)
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
