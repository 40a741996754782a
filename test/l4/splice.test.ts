import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import t, { type Test } from 'tap'
import { systemClock } from '../../src/core/clock.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import { Deadlines } from '../../src/core/deadlines.ts'
import { splice, type Held, type Splice, type SpliceEnd } from '../../src/l4/tcp/splice.ts'
import { listen } from '../../src/net/transport/accept.ts'
import { dial } from '../../src/net/dial/dial.ts'
import { BACKEND_READ_BYTES } from '../../src/net/transport/read-buffer.ts'
import type { Transport, TransportOwner } from '../../src/net/transport/transport.ts'
import { ending, eventually, receive, testClient, testServer } from './sockets.ts'

interface Relay {
  client: Socket
  upstream: Socket
  splice: Splice
  end: Promise<SpliceEnd>
  deadlines: Deadlines
  bytes: { in: number; out: number }
  transports: Transport[]
}

const nobody: TransportOwner = { onData() {}, onEnd() {}, onDrain() {}, onClose() {} }

/** client ⇄ splice ⇄ upstream over real sockets. */
async function relay(
  t: Test,
  { clock = systemClock, held = undefined as Held | undefined } = {}
): Promise<Relay> {
  const backend = await testServer(t)
  const deadlines = new Deadlines(clock)
  const bytes = { in: 0, out: 0 }
  let made!: (relay: Relay) => void
  const relayed = new Promise<Relay>((resolve) => (made = resolve))
  const server = await listen(
    { port: 0, host: '127.0.0.1' },
    (attach) => {
      const downstream = attach(nobody)
      downstream.pause()
      const upstream = dial(
        backend.address,
        { connectTimeoutMs: 3_000, deadlines },
        {
          ...nobody,
          onConnect() {
            let ended!: (end: SpliceEnd) => void
            const end = new Promise<SpliceEnd>((resolve) => (ended = resolve))
            const counters = {
              in: { add: (n: number) => void (bytes.in += n) },
              out: { add: (n: number) => void (bytes.out += n) }
            }
            const options = { deadlines, idleMs: 60_000, halfCloseMs: 10_000, counters }
            const made1 = splice(downstream, upstream, options, ended, held)
            void backend.next().then((socket) =>
              made({
                client,
                upstream: socket,
                splice: made1,
                end,
                deadlines,
                bytes,
                transports: [downstream, upstream]
              })
            )
          }
        }
      )
    },
    t.fail
  )
  t.teardown(() => server.close())
  const client = await testClient(t, (server.address() as { port: number }).port)
  return relayed
}

t.test('bytes go both ways and are counted', async (t) => {
  const { client, upstream, end, bytes, deadlines } = await relay(t)
  client.write('hello')
  t.equal(await receive(upstream, 5), 'hello')
  upstream.write('hi')
  t.equal(await receive(client, 2), 'hi')
  t.same(bytes, { in: 5, out: 2 })
  const seen = ending(upstream)
  client.end()
  t.equal(await seen, 'FIN')
  upstream.end()
  t.equal(await ending(client), 'FIN')
  t.same(await end, { reason: 'client-closed', error: undefined })
  t.equal(deadlines.size, 0)
})

t.test('what was held goes first, and a held FIN follows it', async (t) => {
  const { upstream, client, end } = await relay(t, {
    held: { bytes: [Buffer.from('he'), Buffer.from('ld')], ended: true }
  })
  const seen = receive(upstream, 4)
  const finished = once(upstream, 'end')
  t.equal(await seen, 'held')
  await finished
  upstream.end('bye')
  t.equal(await receive(client, 3), 'bye')
  client.end()
  t.equal((await end).reason, 'client-closed')
})

t.test('half-close is kept in both directions', async (t) => {
  for (const first of ['client', 'upstream'] as const) {
    const { client, upstream, end } = await relay(t)
    const [a, b] = first === 'client' ? [client, upstream] : [upstream, client]
    const fin = once(b, 'end')
    b.resume()
    a.end('all of it')
    await fin
    t.equal(a.readableEnded, false, `the ${first} may still read`)
    const answer = receive(a, 6)
    b.write('answer')
    t.equal(await answer, 'answer')
    b.end()
    t.equal((await end).reason, `${first}-closed`)
  }
})

t.test('a reset is passed on as a reset', async (t) => {
  for (const first of ['client', 'upstream'] as const) {
    for (const halfClosed of [false, true]) {
      const { client, upstream, end, deadlines } = await relay(t)
      const [a, b] = first === 'client' ? [client, upstream] : [upstream, client]
      if (halfClosed) {
        b.end()
        await ending(a)
      }
      const seen = ending(b)
      a.resetAndDestroy()
      t.equal(await seen, 'ECONNRESET', `${first} resets${halfClosed ? ' after the FIN of the other' : ''}`)
      const { reason, error } = await end
      t.equal(reason, `${first}-reset`)
      t.equal(error?.code, 'ECONNRESET')
      t.equal(deadlines.size, 0)
    }
  }
})

t.test('a server that has answered may close with the goodbye of its client unread', async (t) => {
  for (const [answered, then, expected] of [
    ['rows', '', 'client-closed'],
    ['', '', 'upstream-reset'],
    ['rows', 'close_notify', 'client-closed'],
    ['rows', 'more rows '.repeat(11), 'upstream-reset']
  ] as const) {
    const { client, upstream, end, deadlines } = await relay(t)
    upstream.write(answered)
    if (answered !== '') await receive(client, answered.length)
    client.end()
    await ending(upstream)
    upstream.write(then)
    if (then !== '') await receive(client, then.length)
    upstream.resetAndDestroy()
    const { reason, error } = await end
    t.equal(reason, expected, `${answered}, then ${then}`)
    t.equal(error?.code, expected === 'client-closed' ? undefined : 'ECONNRESET')
    t.equal(deadlines.size, 0)
  }
})

t.test('an idle splice is closed with FIN on both sides, later after a byte', async (t) => {
  const clock = new FakeClock()
  const { client, upstream, end } = await relay(t, { clock })
  clock.advance(59_000)
  client.write('x')
  await receive(upstream, 1)
  clock.advance(59_000)
  t.notOk(client.closed)
  const seen = Promise.all([ending(client), ending(upstream)])
  clock.advance(2_000)
  t.same(await seen, ['FIN', 'FIN'])
  t.equal((await end).reason, 'idle')
})

t.test('a half-closed splice waits for the shorter time', async (t) => {
  const clock = new FakeClock()
  const { client, upstream, end } = await relay(t, { clock })
  client.end()
  await ending(upstream)
  const seen = ending(client)
  clock.advance(10_300)
  t.equal(await seen, 'FIN')
  t.equal((await end).reason, 'half-close-timeout')
})

t.test('an idle splice with unread bytes is reset', async (t) => {
  const clock = new FakeClock()
  const { client, upstream, end, transports } = await relay(t, { clock })
  client.pause()
  const chunk = Buffer.alloc(1 << 20)
  while (transports[0]!.pending === 0) {
    upstream.write(chunk)
    await new Promise((resolve) => setImmediate(resolve))
  }
  clock.advance(61_000)
  t.equal((await end).reason, 'idle')
  const heard = await ending(client)
  // The socket is closed with a linger of 0 on all of them; a paused client of Node 22 hears of the reset as an end.
  if (Number(process.versions.node.split('.')[0]) < 24) t.ok(['ECONNRESET', 'FIN'].includes(heard), heard)
  else t.equal(heard, 'ECONNRESET')
})

t.test('a cut resets both sides and tells its reason', async (t) => {
  const { client, upstream, end, splice } = await relay(t)
  const seen = Promise.all([ending(client), ending(upstream)])
  splice.cut('backend-down')
  t.same(await seen, ['ECONNRESET', 'ECONNRESET'])
  t.equal((await end).reason, 'backend-down')
})

t.test('bulk arrives intact both ways at once, over readers that stop now and then', async (t) => {
  const { client, upstream, end } = await relay(t)
  const up = randomBytes(3 << 20)
  const down = randomBytes(3 << 20)
  const digest = (socket: Socket) =>
    new Promise<string>((resolve) => {
      const hash = createHash('sha256')
      socket.on('data', (chunk: Buffer) => {
        hash.update(chunk)
        if (chunk.length % 3 !== 0) return
        socket.pause()
        setImmediate(() => socket.resume())
      })
      socket.on('end', () => resolve(hash.digest('hex')))
    })
  const got = Promise.all([digest(upstream), digest(client)])
  client.end(up)
  upstream.end(down)
  const expected = [up, down].map((bytes) => createHash('sha256').update(bytes).digest('hex'))
  t.same(await got, expected)
  await end
})

t.test('a reader that stops holds the sender back, and little memory is held for it', async (t) => {
  const { client, upstream, transports } = await relay(t)
  client.pause()
  const chunk = Buffer.alloc(1 << 20)
  let written = 0
  // Until the kernel's buffers of both connections are full, and then some.
  for (let i = 0; i < 64 && upstream.writableLength < 8 << 20; i++) {
    upstream.write(chunk)
    written += chunk.length
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
  t.ok(transports[0]!.pending <= BACKEND_READ_BYTES, `${transports[0]!.pending} bytes wait in the splice`)
  t.ok(upstream.writableLength > 0, 'the backend is held back')
  let read = 0
  client.on('data', (bytes: Buffer) => (read += bytes.length))
  client.resume()
  await eventually(() => read === written)
  t.pass('the rest follows when the client reads again')
})

/** A transport that takes what it is given, and never says that it has drained. */
class Quiet {
  owner = nobody
  readsOut = false
  bytesOut = 0
  pending = 0
  closed = false
  resets = 0
  readonly remote = undefined
  pause(): void {}
  resume(): void {}
  end(): void {}
  sendOwned(bytes: Uint8Array): boolean {
    this.pending += bytes.length
    this.bytesOut += bytes.length
    return true
  }
  sendFrom(_buffer: Buffer, start: number, end: number): boolean {
    this.pending += end - start
    this.bytesOut += end - start
    return true
  }
  destroy(): void {
    if (this.closed) return
    this.closed = true
    this.owner.onClose(undefined)
  }
  reset(): void {
    this.resets++
    this.destroy()
  }
}

t.test('last words of which little waits are not waited for until the half-close ends', async (t) => {
  for (const [what, goneAfter, most] of [
    ['gone at once', 100, 3_000],
    ['gone late', 5_000, 8_000],
    ['never gone', Infinity, 10_500]
  ] as const) {
    const clock = new FakeClock()
    const deadlines = new Deadlines(clock)
    const [down, up] = [new Quiet(), new Quiet()]
    let ended: SpliceEnd | undefined
    splice(down, up, { deadlines, idleMs: 60_000, halfCloseMs: 10_000 }, (end) => (ended = end))
    up.owner.onData(Buffer.from('too many connections'), 0, 20)
    down.owner.onEnd()
    up.closed = true
    up.owner.onClose(Object.assign(new Error('reset'), { code: 'ECONNRESET' }))
    let passed = 0
    for (; ended === undefined && passed < 60_000; passed += 100) {
      if (passed >= goneAfter) down.pending = 0
      clock.advance(100)
    }
    t.match(ended, { reason: 'upstream-reset' }, what)
    t.ok(down.resets > 0, what)
    t.ok(passed > Math.min(goneAfter, 9_000) && passed <= most, `${what}: ${passed} ms`)
    t.equal(deadlines.size, 0)
  }
})
