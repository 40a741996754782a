import { once } from 'node:events'
import { createServer as createHttp2, type ServerHttp2Session } from 'node:http2'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { startLab, type Lab } from '../engine/lab.ts'

// HTTP/2 connections to backends that are of no use any more, or more than are needed.

async function backend(t: Test, settings: object = {}): Promise<{ port: number; open: Set<ServerHttp2Session>; via: string[] }> {
  const server = createHttp2({ settings })
  const open = new Set<ServerHttp2Session>()
  const via: string[] = []
  server.on('session', (session) => {
    open.add(session)
    session.on('error', () => {})
    session.on('close', () => open.delete(session))
  })
  server.on('request', (request, response) => {
    via.push(String(request.headers.via))
    setTimeout(() => response.end('hello'), request.url === '/slow' ? 200 : 0)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const session of open) session.destroy()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port, open, via }
} // prettier-ignore

async function through(t: Test, port: number, pool: object): Promise<Lab> {
  const lab = await startLab({
    listeners: [{ bind: '127.0.0.1:0', mode: 'l7', protocols: ['h2', 'http/1.1'], via: true, pool: 'web' }],
    pools: { web: { protocol: 'h2c', backends: [`127.0.0.1:${port}`], ...pool } }
  })
  t.teardown(() => lab.close())
  return lab
}

const ask = async (lab: Lab, path = '/'): Promise<Response> => fetch(`http://127.0.0.1:${lab.port}${path}`)

t.test('a connection that nothing comes back on gets no more requests', async (t) => {
  const { port } = await backend(t)
  const relays: Socket[] = []
  // A network that swallows what the first connection sends, without a word.
  const network = createServer((socket) => {
    const onward = connect(port, '127.0.0.1')
    for (const each of [socket, onward]) each.on('error', () => {})
    socket.pipe(onward).pipe(socket)
    socket.on('close', () => onward.destroy())
    relays.push(socket)
  }).listen(0, '127.0.0.1')
  await once(network, 'listening')
  t.teardown(() => {
    for (const socket of relays) socket.destroy()
    network.close()
  })
  const lab = await through(t, (network.address() as AddressInfo).port, { timeouts: { response: '200ms' } })
  t.equal((await ask(lab)).status, 200)
  t.equal(relays.length, 1)
  relays[0]!.unpipe()
  relays[0]!.pause()
  t.equal((await ask(lab)).status, 504, 'no answer in time')
  t.equal((await ask(lab)).status, 200, 'the next one goes by a connection of its own')
  t.equal(relays.length, 2)
})

t.test('a backend that is only slow keeps its connection', async (t) => {
  const { port, open } = await backend(t)
  const lab = await through(t, port, { timeouts: { response: '100ms' } })
  t.equal((await ask(lab)).status, 200)
  t.equal((await ask(lab, '/slow')).status, 504)
  await sleep(20)
  t.equal((await ask(lab)).status, 200)
  t.equal(open.size, 1, 'PING was answered')
})

t.test('connections.maxIdle is how many without requests are kept', async (t) => {
  const { port, open } = await backend(t, { maxConcurrentStreams: 1 })
  const lab = await through(t, port, { connections: { maxIdle: 1 } })
  await ask(lab)
  const answers = await Promise.all(Array.from({ length: 4 }, async () => ask(lab, '/slow')))
  t.ok(answers.every(({ status }) => status === 200))
  for (let i = 0; i < 3000 && open.size > 1; i++) await sleep(10)
  t.equal(open.size, 1)
  t.equal((await ask(lab)).status, 200)
})

t.test('Via names the version of HTTP that a request came by', async (t) => {
  const { port, via } = await backend(t)
  const lab = await through(t, port, {})
  await ask(lab)
  const { connect: connectHttp2 } = await import('node:http2')
  const client = connectHttp2(`http://127.0.0.1:${lab.port}`)
  t.teardown(() => client.destroy())
  const stream = client.request({ ':path': '/' }).resume()
  await once(stream, 'close')
  t.match(via[0], /^1\.1 lb-/)
  t.match(via[1], /^2\.0 lb-/)
})
