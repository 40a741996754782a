import { once } from 'node:events'
import { connect as connectTcp, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'
import t from 'tap'
import { metric } from './hooks.ts'
import { httpOrigin, startLb, until } from './servers.ts'

const large = Buffer.alloc(8_000_000, 'x')

t.setTimeout(120_000)

for (const secure of [false, true]) {
  const over = secure ? 'TLS' : 'clear text'
  const listener = {
    name: 'web',
    mode: 'l7',
    bind: '127.0.0.1:0',
    timeouts: { idle: '5m', keepAlive: '5m' },
    ...(secure ? { tls: { selfSigned: true } } : {})
  }
  const dial = async (port: number): Promise<Socket> => {
    const socket = secure
      ? connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false })
      : connectTcp({ port, host: '127.0.0.1', allowHalfOpen: true })
    socket.on('error', () => {})
    await once(socket, secure ? 'secureConnect' : 'connect')
    return socket
  }

  t.test(
    `${over}: a client that never closes is not kept for the idle time after its last response`,
    async (t) => {
      const origin = await httpOrigin(t, 'one')
      const lb = await startLb(t, {
        workers: 0,
        listeners: [{ ...listener, routes: [{ pool: 'a' }] }],
        pools: { a: { backends: [origin.address] } }
      })
      const sockets = await Promise.all(Array.from({ length: 3 }, () => dial(lb.port('web'))))
      t.teardown(() => sockets.forEach((socket) => socket.destroy()))
      for (const socket of sockets) {
        // It neither reads nor closes.
        socket.pause()
        socket.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
      }
      await until(() => origin.requests === 3, 'all are asked')
      await until(() => metric(lb, 'lb_connections_open') === 0, 'they are closed')
    }
  )

  t.test(`${over}: a slow client gets the whole of a last response`, async (t) => {
    const origin = await httpOrigin(t, 'one', (_, response) => response.end(large))
    const lb = await startLb(t, {
      workers: 0,
      listeners: [{ ...listener, routes: [{ pool: 'a' }] }],
      pools: { a: { backends: [origin.address] } }
    })
    const socket = await dial(lb.port('web'))
    t.teardown(() => void socket.destroy())
    socket.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    let bytes = 0
    let stalls = 2
    socket.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      // Twice for longer than an idle connection is waited for after its last response.
      if (bytes < (3 - stalls) * 2_500_000 || stalls === 0) return
      stalls--
      socket.pause()
      void sleep(3_500).then(() => socket.resume())
    })
    await once(socket, 'end')
    t.ok(bytes > large.length, `${bytes} bytes`)
  })
}
