import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { TLSSocket } from 'node:tls'
import t, { type Test } from 'tap'
import { systemClock } from '../../src/core/clock.ts'
import { Deadlines } from '../../src/core/deadlines.ts'
import { dial } from '../../src/net/dial/dial.ts'
import { dialAddress } from '../../src/net/dial/raw-dial.ts'
import { rawStreams } from '../../src/net/transport/raw-streams.ts'
import { SocketTransport } from '../../src/net/transport/socket-transport.ts'
import type { Transport, TransportOwner } from '../../src/net/transport/transport.ts'
import { UpstreamTls } from '../../src/net/tls/upstream-tls.ts'
import { directory } from '../l4/programs.ts'
import { eventually } from '../l4/sockets.ts'
import { testCertificates } from './certificates.ts'

const identity = testCertificates().leaf('a.test')

interface Conversation {
  readonly transport: Transport
  readonly peer: Socket
  readonly told: string[]
  /** How it ended. */
  readonly closed: Promise<string>
}

type Connect = (owner: TransportOwner, port: number, path: string) => Transport

const options = { connectTimeoutMs: 3_000, deadlines: new Deadlines(systemClock) }
const unix: Connect = (owner, _, path) => dial({ kind: 'unix', path, text: path }, options, owner)
const tls: Connect = (owner, port) =>
  dial(
    { kind: 'tcp', host: '127.0.0.1', port, text: '' },
    { ...options, tls: new UpstreamTls({ verify: false }) },
    owner
  )
const kinds: Record<string, Connect> = {
  'a socket': (owner, port) =>
    SocketTransport.dialled(owner, (socket) => void socket.connect(port, '127.0.0.1')),
  'a unix socket': unix,
  TLS: tls
}
if (rawStreams !== undefined) {
  kinds['a raw connection'] = (owner, port) => dialAddress(owner, '127.0.0.1', port)
}

async function conversation(t: Test, connect: Connect): Promise<Conversation> {
  const path = join(directory(t), 's')
  const server = createServer({ allowHalfOpen: true })
  if (connect === unix) server.listen(path)
  else server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const arrived = once(server, 'connection') as Promise<[Socket]>
  const told: string[] = []
  let close!: (how: string) => void
  const closed = new Promise<string>((resolve) => (close = resolve))
  let connected!: () => void
  const connecting = new Promise<void>((resolve) => (connected = resolve))
  const owner: TransportOwner = {
    onConnect: () => connected(),
    onData: (buffer, start, end) => told.push(buffer.toString('latin1', start, end)),
    onEnd: () => told.push('end'),
    onDrain() {},
    onClose: (error) => close(error?.code ?? 'in order')
  }
  const address = server.address()
  const transport = connect(owner, typeof address === 'string' ? 0 : address!.port, path)
  const [raw] = await arrived
  const peer = connect === tls ? new TLSSocket(raw, { isServer: true, ...identity }) : raw
  for (const socket of [raw, peer]) socket.on('error', () => {})
  await connecting
  t.teardown(() => {
    transport.destroy()
    raw.destroy()
  })
  return { transport, peer, told, closed }
}

const turn = () => new Promise((resolve) => setTimeout(resolve, 20))

for (const [kind, connect] of Object.entries(kinds)) {
  t.test(`${kind}: a peer that ended and takes no more has ended, and then broken`, async (t) => {
    const { transport, peer, told, closed } = await conversation(t, connect)
    transport.readsOut = true
    transport.pause()
    peer.end('bye')
    await once(peer, 'finish')
    peer.destroy()
    await turn()
    for (let i = 0; i < 3; i++) {
      transport.sendText('more')
      await turn()
    }
    transport.resume()
    t.match(await closed, /EPIPE|ECONNRESET/)
    t.same(told, ['bye', 'end'])
  })

  t.test(`${kind}: without readsOut a failed write is the end`, async (t) => {
    const { transport, peer, told, closed } = await conversation(t, connect)
    transport.pause()
    peer.end('bye')
    await once(peer, 'finish')
    peer.destroy()
    for (let i = 0; i < 3; i++) {
      await turn()
      transport.sendText('more')
    }
    t.match(await closed, /EPIPE|ECONNRESET/)
    t.same(told, [])
  })

  // A TLS stream is asked for what it has decrypted; the reset below it comes first.
  if (connect === tls) continue
  t.test(`${kind}: what a peer said before it broke off is read, although a write failed`, async (t) => {
    const { transport, peer, told, closed } = await conversation(t, connect)
    transport.readsOut = true
    transport.pause()
    peer.pause()
    transport.sendText('never read')
    await turn()
    peer.write('too many connections')
    await turn()
    // What close does where bytes were not read.
    if (connect === unix) peer.destroy()
    else peer.resetAndDestroy()
    await turn()
    for (let i = 0; i < 3; i++) {
      transport.sendText('more')
      await turn()
    }
    t.equal(transport.sendText('and more'), false, 'who has more to send is told to wait')
    t.same(told, [])
    transport.resume()
    t.match(await closed, /EPIPE|ECONNRESET/)
    t.match(told.join(''), /^too many connections(end)?$/)
    if (connect !== unix) t.notOk(told.includes('end'), 'a reset is no end')
  })

  if (connect === unix) continue
  t.test(`${kind}: a reset right behind the last bytes is a reset`, async (t) => {
    const { transport, peer, told, closed } = await conversation(t, connect)
    transport.pause()
    peer.write('half of')
    await turn()
    peer.resetAndDestroy()
    await turn()
    transport.resume()
    t.equal(await closed, 'ECONNRESET')
    t.same(told, ['half of'])
  })

  t.test(`${kind}: an end right behind the last bytes is an end`, async (t) => {
    const { transport, peer, told } = await conversation(t, connect)
    transport.pause()
    peer.end('all of it')
    await turn()
    transport.resume()
    await eventually(() => told.length === 2)
    t.same(told, ['all of it', 'end'])
  })
}
