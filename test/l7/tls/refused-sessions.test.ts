import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import t, { type Test } from 'tap'
import { MAX_REFUSED } from '../../../src/net/tls/upstream-tls.ts'
import { startLb } from '../../e2e/servers.ts'
import { testCertificates } from '../../net/certificates.ts'

const pki = testCertificates()
const { cert, key } = pki.leaf('backend.test')
/** Alert: fatal, handshake_failure. */
const ALERT = Buffer.from([21, 3, 3, 0, 2, 2, 40])

const WAYS: Readonly<Record<string, (socket: Socket) => unknown>> = {
  'a reset': (socket) => socket.resetAndDestroy(),
  'a FIN': (socket) => socket.end(),
  'an alert': (socket) => socket.end(ALERT)
}

/** A ClientHello with a ticket: session_ticket with something in it (RFC 5077), or pre_shared_key (RFC 8446 §4.2.11). */
function hasTicket(hello: Buffer): boolean {
  let at = 5 + 4 + 2 + 32
  at += 1 + hello[at]!
  at += 2 + hello.readUInt16BE(at)
  at += 1 + hello[at]!
  const end = at + 2 + hello.readUInt16BE(at)
  for (at += 2; at < end; at += 4 + hello.readUInt16BE(at + 2)) {
    const type = hello.readUInt16BE(at)
    if (type === 41 || (type === 35 && hello.readUInt16BE(at + 2) > 0)) return true
  }
  return false
}

async function listen(t: Test, server: Server): Promise<number> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => sockets.add(socket))
  server.listen(0, '127.0.0.1')
  t.teardown(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

/** A backend that gives tickets and, while `refuses` says so, ends who offers one. */
async function backend(t: Test, version: 'TLSv1.2' | 'TLSv1.3', refuse: (socket: Socket) => unknown) {
  const state = { refuses: true, refused: 0, full: 0, resumed: 0 }
  const origin = createHttpsServer(
    { cert, key, minVersion: version, maxVersion: version },
    (_request, response) => response.setHeader('connection', 'close').end('here')
  )
  origin.on('secureConnection', (socket: TLSSocket) =>
    socket.isSessionReused() ? state.resumed++ : state.full++
  )
  const inner = await listen(t, origin)
  const front = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {})
    socket.once('data', (hello) => {
      if (state.refuses && hasTicket(hello)) {
        state.refused++
        return void refuse(socket)
      }
      const to = connect(inner, '127.0.0.1').on('error', () => socket.destroy())
      to.write(hello)
      socket.pipe(to).pipe(socket)
    })
  })
  return { state, port: await listen(t, front) }
}

async function status(port: number): Promise<number> {
  const request = get({ port, host: '127.0.0.1', agent: false })
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  response.resume()
  await once(response, 'end')
  return response.statusCode!
}

for (const mode of ['l7', 'l4'] as const) {
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    for (const [way, refuse] of Object.entries(WAYS)) {
      t.test(`${mode}: a backend that answers an offered session by ${way}, ${version}`, async (t) => {
        const { state, port } = await backend(t, version, refuse)
        const tls = { ca: pki.caFile, serverName: 'backend.test' }
        const lb = await startLb(t, {
          workers: 0,
          listeners: [{ name: 'in', bind: '127.0.0.1:0', mode, pool: 'one' }],
          pools: { one: { tls, backends: [`127.0.0.1:${port}`] } }
        })
        const ask = () => status(lb.port('in'))
        for (let n = 0; n < 3; n++) t.equal(await ask(), 200, 'one after the other')
        t.ok(state.refused >= 1, 'a session was offered, and the request went on without')
        t.strictSame(await Promise.all(Array.from({ length: 8 }, ask)), Array(8).fill(200), 'many at once')
        for (let n = 0; n < 4; n++) t.equal(await ask(), 200)
        t.equal(state.resumed, 0)
        t.notMatch(lb.running.metrics(), /lb_breaker_opens_total\{.*\} [1-9]/)
      })
    }
  }
}

t.test('a backend that refuses a session once goes on to be resumed', async (t) => {
  const { state, port } = await backend(t, 'TLSv1.3', WAYS['a reset']!)
  const lb = await startLb(t, {
    workers: 0,
    listeners: [{ name: 'in', bind: '127.0.0.1:0', mode: 'l7', pool: 'one' }],
    pools: {
      one: { tls: { ca: pki.caFile, serverName: 'backend.test' }, backends: [`127.0.0.1:${port}`] }
    }
  })
  const askUntil = async (done: () => boolean): Promise<void> => {
    for (let n = 0; !done() && n < 400; n++) {
      t.equal(await status(lb.port('in')), 200)
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    t.ok(done())
  }
  for (let turn = 0; turn <= MAX_REFUSED; turn++) {
    const { refused, resumed } = state
    state.refuses = true
    await askUntil(() => state.refused > refused)
    state.refuses = false
    await askUntil(() => state.resumed > resumed)
  }
})
