import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import t, { type Test } from 'tap'
import { startLb, until } from './servers.ts'

// Datagrams of every size that there may be, whole or not at all: the largest are many fragments on the way.

t.setTimeout(120_000)

/** Answers each datagram by itself. */
async function echo(t: Test, host: string): Promise<string> {
  const socket = createSocket({ type: host === '::1' ? 'udp6' : 'udp4', recvBufferSize: 4_000_000 })
  socket.on('message', (bytes, { port, address }) => socket.send(bytes, port, address))
  socket.bind(0, host)
  await once(socket, 'listening')
  t.teardown(() => socket.close())
  const { port } = socket.address()
  return host === '::1' ? `[::1]:${port}` : `${host}:${port}`
}

for (const [host, largest] of [
  ['127.0.0.1', 65_507],
  ['::1', 65_527]
] as const) {
  t.test(`${host}: datagrams of 0 to ${largest} bytes both ways`, async (t) => {
    const bind = host === '::1' ? '[::1]:0' : `${host}:0`
    const pool = { backends: [await echo(t, host)] }
    const lb = await startLb(t, {
      workers: 1,
      listeners: [
        { name: 'plain', bind, mode: 'l4', protocol: 'udp', pool: 'plain' },
        { name: 'proxied', bind, mode: 'l4', protocol: 'udp', pool: 'proxied' }
      ],
      pools: { plain: pool, proxied: { ...pool, proxyProtocol: 'v2' } }
    })
    const socket = createSocket({ type: host === '::1' ? 'udp6' : 'udp4', recvBufferSize: 4_000_000 })
    t.teardown(() => socket.close())
    const inbox: Buffer[] = []
    socket.on('message', (bytes) => inbox.push(bytes))
    socket.bind(0, host)
    await once(socket, 'listening')
    const ask = async (name: string, bytes: Buffer): Promise<Buffer> => {
      socket.send(bytes, lb.port(name), host)
      await until(() => inbox.length > 0, `${name}: ${bytes.length} bytes`)
      return inbox.shift()!
    }
    for (const size of [0, 1, 1472, 1473, 9000, 65_000, largest - 1, largest, 0, 2]) {
      const bytes = Buffer.alloc(size, 'abcdefghij')
      t.ok((await ask('plain', bytes)).equals(bytes), `${size} bytes`)
    }
    // The header takes the room: it is dropped and counted, and nobody is called ill for it.
    socket.send(Buffer.alloc(largest), lb.port('proxied'), host)
    const dropped = () =>
      /lb_udp_dropped_total\{listener="proxied",reason="send"\} 1\n/.test(lb.running.metrics())
    await until(dropped, 'it is counted')
    const header = host === '::1' ? 52 : 28
    t.equal((await ask('proxied', Buffer.from('small'))).length, header + 5, 'the next one brings the header')
    t.equal((await ask('proxied', Buffer.from('again'))).length, 5)
    t.match(
      lb.running.metrics(),
      'lb_backend_failures_total{pool="proxied",backend="' + pool.backends[0] + '"} 0'
    )
  })
}
