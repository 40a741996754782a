import { Agent, request } from 'node:http'
import { createServer } from 'node:http2'
import { once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'
import t from 'tap'
import { BackendStreams } from '../../src/l7/http2/client/backend-streams.ts'
import { ClientConnection } from '../../src/l7/http2/client/client-connection.ts'
import { ClientSession } from '../../src/l7/http2/client/client-session.ts'
import { ClientStream } from '../../src/l7/http2/client/client-stream.ts'
import { hooksOf, metric, settles } from './hooks.ts'
import { startLb } from './servers.ts'

const large = Buffer.alloc(300_000, 'x')
const CLIENTS = 4
const CALLS = [
  ['GET', '/small', undefined, 5],
  ['POST', '/small', Buffer.alloc(100_000, 'y'), 5],
  ['GET', '/large', undefined, large.length],
  ['GET', '/small', undefined, 5]
] as const

/** Requests that were never answered, not even with an error. */
let forgotten = 0

async function client(port: number): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  let whole = 0
  for (const [method, path, body, expected] of CALLS) {
    const good = await new Promise<boolean>((resolve) => {
      const sent = request({ agent, host: '127.0.0.1', port, method, path }, (response) => {
        let bytes = 0
        response.on('data', (chunk: Buffer) => (bytes += chunk.length))
        response.on('error', () => resolve(false))
        response.on('close', () =>
          resolve(response.complete && response.statusCode === 200 && bytes === expected)
        )
      })
      sent.setTimeout(30_000, () => {
        forgotten++
        sent.destroy()
      })
      sent.on('error', () => resolve(false))
      sent.end(body)
    })
    if (good) whole++
  }
  agent.destroy()
  return whole
}

t.setTimeout(300_000)

t.test('an exception anywhere in HTTP/2 to a backend costs one connection, and leaves nothing', async (t) => {
  const sockets = new Set<Socket>()
  const server = createServer()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  server.on('sessionError', () => {})
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {})
    stream.resume()
    stream.on('end', () => {
      if (stream.destroyed || stream.aborted) return
      stream.respond({ ':status': 200 })
      stream.end(headers[':path'] === '/large' ? large : 'small')
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`
  const lb = await startLb(t, {
    workers: 0,
    listeners: [{ name: 'web', mode: 'l7', bind: '127.0.0.1:0', routes: [{ pool: 'a' }] }],
    pools: {
      a: {
        protocol: 'h2c',
        timeouts: { connect: '2s' },
        queue: { max: 100, timeout: '4s' },
        backends: [{ address, maxConnections: 4 }]
      }
    }
  })
  const round = async () => {
    const answered = await Promise.all(Array.from({ length: CLIENTS }, () => client(lb.port('web'))))
    return answered.reduce((sum, whole) => sum + whole, 0)
  }
  const all = CLIENTS * CALLS.length
  t.equal(await round(), all)
  const untouched = ['onDeadline', 'drain', 'retire', 'update', 'close', 'destroy', 'closed']
  let armed = 0
  for (const turn of [1, 3]) {
    for (const hook of hooksOf(ClientConnection, BackendStreams, ClientSession, ClientStream)) {
      if (untouched.includes(hook.name)) continue
      const what = `${hook.of}.${hook.name}, turn ${turn}`
      const before = metric(lb, 'lb_internal_errors_total')
      const disarm = hook.arm((each) => each === turn)
      const whole = await round()
      // What ends connections throws as well; the connections of all clients go at once.
      for (const socket of sockets) socket.destroy()
      await settles(t, lb, what)
      const thrown = disarm()
      // One request of each of the clients, which share the connection.
      if (whole < all - CLIENTS) t.fail(`${what} costs one connection: ${whole} of ${all} are whole`)
      for (const gauge of ['lb_upstream_connections', 'lb_http2_streams_open'])
        if (metric(lb, gauge) !== 0) t.fail(`${what} leaves ${gauge} at ${metric(lb, gauge)}`)
      armed += thrown
      const counted = metric(lb, 'lb_internal_errors_total') - before
      if (counted < thrown) t.fail(`${what} is counted: ${counted} of ${thrown}`)
    }
  }
  t.equal(forgotten, 0, 'whose exchange was hit is told, and so are the others')
  t.ok(armed > 45, `${armed} hooks threw`)
  t.equal(await round(), all)
})
