import { once } from 'node:events'
import { Agent, createServer, request, type Server } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { boundConnections } from '../../src/admin/connection-room.ts'
import { Coalesced } from '../../src/runtime/control/reload/coalesced.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import { startAdmin } from './fixtures/fake-control-plane.ts'
import { ask } from './fixtures/raw-request.ts'

/** `server` listens, with room for eight connections. The result opens one that says `text`. */
async function bounded(t: Test, server: Server): Promise<(text: string) => Promise<Socket>> {
  boundConnections(server, 8)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  t.teardown(() => server.closeAllConnections())
  const { port } = server.address() as AddressInfo
  return async (text) => {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => {})
    t.teardown(() => socket.destroy())
    await once(socket, 'connect')
    socket.write(text)
    return socket
  }
}

t.test(
  'connections that say nothing do not lock a health check out, and one that waits for its answer stays',
  async (t) => {
    const waiting: (() => void)[] = []
    const server = createServer((request, response) => {
      if (request.url === '/slow') waiting.push(() => response.end('slow'))
      else response.end('ok')
    })
    const dial = await bounded(t, server)
    const slow = await dial('GET /slow HTTP/1.1\r\nhost: a\r\n\r\n')
    while (waiting.length === 0) await new Promise((resolve) => setImmediate(resolve))
    const idle = []
    for (let i = 0; i < 30; i++) idle.push(await dial(i % 2 === 0 ? '' : 'GET / HT'))
    const asked = await dial('GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n')
    const [answer] = (await once(asked, 'data')) as [Buffer]
    t.match(answer.toString(), /^HTTP\/1.1 200/)
    const open = await new Promise((resolve) => server.getConnections((_, count) => resolve(count)))
    t.ok((open as number) <= 8, `${String(open)} open`)
    waiting[0]!()
    const [late] = (await once(slow, 'data')) as [Buffer]
    t.match(late.toString(), /^HTTP\/1.1 200/)
    for (const socket of [...idle, slow, asked]) socket.destroy()
  }
)

t.test('bodies that do not end lock nobody out, however many follow', async (t) => {
  const server = createServer((request, response) => request.resume().on('end', () => response.end('ok')))
  const dial = await bounded(t, server)
  const begun = () => once(server, 'request')
  for (let i = 0; i < 12; i++) {
    const seen = begun()
    await dial('POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n1\r\n{\r\n')
    await seen
  }
  // It is there, and asks only after the next one has come.
  const check = await dial('')
  await dial('')
  const answered = once(check, 'data')
  check.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n')
  const [answer] = (await answered) as [Buffer]
  t.match(answer.toString(), /^HTTP\/1.1 200/)
}) // prettier-ignore

t.test('who holds and opens most loses a place, not the one that asks now and then', async (t) => {
  const server = createServer((_, response) => response.end('ok'))
  boundConnections(server, 8)
  server.listen(0, '0.0.0.0')
  await once(server, 'listening')
  t.teardown(() => server.close())
  t.teardown(() => server.closeAllConnections())
  const { port } = server.address() as AddressInfo
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  t.teardown(() => agent.destroy())
  const ask = () =>
    new Promise<boolean>((resolve, reject) => {
      const sent = request({ host: '127.0.0.1', port, agent }, (response) => {
        response.resume().on('end', () => resolve(sent.reusedSocket))
      })
      sent.on('error', reject)
      sent.end()
    })
  t.equal(await ask(), false)
  for (let round = 0; round < 5; round++) {
    for (let i = 0; i < 16; i++) {
      const socket = connect({ port, host: '127.0.0.1', localAddress: '127.0.0.2' })
      socket.on('error', () => {})
      t.teardown(() => socket.destroy())
      await once(socket, 'connect')
      socket.write('GET / HT')
    }
    t.equal(await ask(), true, 'its connection, which was the oldest idle one, is still there')
  }
})

t.test('what has no call under way closes at once, a call is answered first', async (t) => {
  const waiting: (() => void)[] = []
  const server = createServer((_, response) => waiting.push(() => response.end('late')))
  const closeIdle = boundConnections(server, 8)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.closeAllConnections())
  const { port } = server.address() as AddressInfo
  const dial = async (text: string): Promise<Socket> => {
    const accepted = once(server, 'connection')
    const socket = connect(port, '127.0.0.1')
    t.teardown(() => socket.destroy())
    socket.on('error', () => {})
    await accepted
    socket.write(text)
    return socket
  }
  const [silent, slow] = [await dial(''), await dial('GET / HT')]
  const asked = await dial('GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n')
  while (waiting.length === 0) await new Promise((resolve) => setImmediate(resolve))
  const gone = Promise.all([silent, slow].map((socket) => once(socket.resume(), 'close')))
  const closed = new Promise((resolve) => server.close(resolve))
  closeIdle()
  await gone
  t.equal(asked.destroyed, false)
  const answer = once(asked, 'data')
  waiting[0]!()
  t.match(String((await answer)[0]), 'late')
  await closed
})

t.test('a hundred calls at once are two runs, and the second began after all of them', async (t) => {
  let runs = 0
  const coalesced = new Coalesced(new FakeClock(), async () => {
    const run = ++runs
    await new Promise((resolve) => setImmediate(resolve))
    if (run === 1) throw new Error('the first fails')
    return run
  })
  const first = coalesced.call()
  while (runs === 0) await new Promise((resolve) => setImmediate(resolve))
  const calls = await Promise.allSettled([first, ...Array.from({ length: 99 }, () => coalesced.call())])
  t.equal(runs, 2)
  t.equal(calls[0]!.status, 'rejected')
  t.strictSame(
    new Set(calls.slice(1).map((call) => (call as PromiseFulfilledResult<number>).value)),
    new Set([2])
  )
  t.equal(await coalesced.call(), 3)
})

t.test('a crowd of calls that come one after the other leaves half of the time to others', async (t) => {
  const clock = new FakeClock()
  const began: number[] = []
  // Over before the next call is read, as a reload that changes nothing.
  const coalesced = new Coalesced(clock, () => {
    began.push(clock.now())
    clock.busy(30)
    return Promise.resolve()
  })
  const turn = () => new Promise((resolve) => setImmediate(resolve))
  const calls: Promise<void>[] = []
  for (let i = 0; i < 100; i++) {
    calls.push(coalesced.call())
    await turn()
    await turn()
  }
  t.equal(began.length, 1)
  clock.advance(29)
  await turn()
  t.equal(began.length, 1)
  clock.advance(1)
  await Promise.all(calls)
  t.strictSame(began, [began[0], began[0]! + 60])
  clock.advance(1_000)
  await coalesced.call()
  t.equal(began.length, 3)
})

t.test(
  'pipelined scrapes that nobody reads keep one answer each, and health checks come between',
  async (t) => {
    const { plane, url, close } = await startAdmin()
    t.teardown(close)
    let rendered = 0
    const text = `# ${'x'.repeat(8 * 2 ** 20)}\n`
    plane.metrics = () => {
      rendered++
      const end = performance.now() + 5
      while (performance.now() < end);
      return text
    }
    const { port } = new URL(url)
    const many = 'GET /metrics HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n'.repeat(50)
    const sockets = []
    for (let i = 0; i < 12; i++) {
      const socket = connect(Number(port), '127.0.0.1')
      t.teardown(() => socket.destroy())
      socket.on('error', () => {})
      await once(socket, 'connect')
      sockets.push(socket)
    }
    for (const socket of sockets) socket.write(many)
    let before = 0
    while (rendered < sockets.length) {
      t.match(await ask(`${url}/healthz`), { status: 200 })
      // It takes a few turns of the loop: of the connect, of the head, of the answer.
      t.ok(rendered - before < 10, `${rendered - before} renderings between two checks`)
      before = rendered
    }
    t.match(await ask(`${url}/healthz`), { status: 200 })
    t.equal(rendered, sockets.length)
    // Who reads gets all of them, in order.
    let bytes = 0
    sockets[0]!.on('data', (part: Buffer) => (bytes += part.length))
    while (bytes < 50 * text.length) await once(sockets[0]!, 'data')
    t.equal(rendered, sockets.length + 49)
  }
)
