import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer as createTlsServer } from 'node:tls'
import t, { type Test } from 'tap'
import { systemClock } from '../../src/core/clock.ts'
import { Deadlines } from '../../src/core/deadlines.ts'
import { listen } from '../../src/net/transport/accept.ts'
import { dial } from '../../src/net/dial/dial.ts'
import { dialAddress } from '../../src/net/dial/raw-dial.ts'
import { rawStreams } from '../../src/net/transport/raw-streams.ts'
import { SocketTransport } from '../../src/net/transport/socket-transport.ts'
import type { Transport, TransportOwner } from '../../src/net/transport/transport.ts'
import { UpstreamTls } from '../../src/net/tls/upstream-tls.ts'
import { testCertificates } from './certificates.ts'

const nobody: TransportOwner = { onData() {}, onEnd() {}, onDrain() {}, onClose() {} }

/** A transport that was accepted, and the client at its other end. */
async function accepted(
  t: Test,
  owner: Partial<TransportOwner>,
  options: { path?: string } = {}
): Promise<{ transport: Transport; client: Socket }> {
  const made = new Promise<Transport>((resolve) => {
    void start((attach) => resolve(attach({ ...nobody, ...owner })))
  })
  let server: Server | undefined
  let listening!: () => void
  const ready = new Promise<void>((resolve) => (listening = resolve))
  async function start(accept: Parameters<typeof listen>[1]): Promise<void> {
    server = await listen(
      options.path === undefined ? { port: 0, host: '127.0.0.1' } : options,
      accept,
      t.fail
    )
    listening()
  }
  await ready
  t.teardown(() => server!.close())
  const address = server!.address()
  const client =
    typeof address === 'string'
      ? connect(address)
      : connect({ port: address!.port, host: '127.0.0.1', allowHalfOpen: true })
  client.on('error', () => {})
  t.teardown(() => client.destroy())
  const transport = await made
  if (client.connecting) await once(client, 'connect')
  t.teardown(() => transport.destroy())
  return { transport, client }
}

function ending(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    socket.once('end', () => resolve('FIN'))
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code!))
    socket.resume()
  })
}

t.test('reset sends RST, once, and onClose follows', async (t) => {
  let closed = 0
  let close!: () => void
  const closing = new Promise<void>((resolve) => (close = resolve))
  const onClose = () => {
    closed++
    close()
  }
  const { transport, client } = await accepted(t, { onClose })
  const seen = ending(client)
  transport.reset()
  transport.reset()
  t.equal(await seen, 'ECONNRESET')
  await closing
  t.equal(closed, 1)
  t.ok(transport.closed)
})

t.test('reset closes what has no RST: unix sockets and TLS', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'lb-transport-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  const { transport, client } = await accepted(t, {}, { path: join(directory, 's') })
  const seen = once(client, 'close')
  transport.reset()
  await seen
  t.ok(transport.closed)

  const pki = testCertificates()
  const server = createTlsServer(pki.leaf('a.test'), (socket) => socket.on('error', () => {}))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as { port: number }
  await new Promise<void>((resolve) => {
    const secure = dial(
      { kind: 'tcp', host: '127.0.0.1', port, text: '' },
      {
        connectTimeoutMs: 1_000,
        deadlines: new Deadlines(systemClock),
        tls: new UpstreamTls({ verify: false })
      },
      { ...nobody, onConnect: () => secure.reset(), onClose: () => resolve() }
    )
  })
  t.pass('closed without throwing')
})

t.test('bytes of a read stay right although the read buffer is shared by all', async (t) => {
  let got = ''
  const { transport, client } = await accepted(t, {
    onData: (buffer, start, end) => {
      got += buffer.toString('latin1', start, end)
      transport.sendFrom(buffer, start, end)
    }
  })
  let back = ''
  client.on('data', (chunk: Buffer) => (back += chunk.toString('latin1')))
  const sent = Array.from({ length: 2_000 }, (_, i) => `message ${i}\n`).join('')
  for (const line of sent.split(/(?<=\n)/)) client.write(line)
  while (back.length < sent.length) await once(client, 'data')
  t.equal(got, sent)
  t.equal(back, sent)
  t.same([transport.bytesIn, transport.bytesOut], [sent.length, sent.length])
})

t.test('a head goes out before the bytes of a read, whether it fits before them or not', async (t) => {
  const heads = ['short;', 'x'.repeat(40_000) + ';', 'short again;']
  let expected = ''
  const { transport, client } = await accepted(t, {
    onData: (buffer, start, end) => {
      const head = heads.shift() ?? ''
      expected += head + buffer.toString('latin1', start, end)
      transport.sendTextAndBytes(head, buffer, start, end)
    }
  })
  let back = ''
  client.on('data', (chunk: Buffer) => (back += chunk.toString('latin1')))
  for (const part of ['first', 'y'.repeat(30_000), 'third']) {
    const before = back.length
    client.write(part)
    while (back.length < before + part.length || back.length < expected.length) await once(client, 'data')
  }
  t.equal(back, expected)
  t.equal(heads.length, 0)
  t.equal(transport.bytesOut, expected.length)
})

/** The same over a raw handle and over a net.Socket: an accepted or dialled connection, and its other end. */
const kinds: Record<
  string,
  (t: Test, owner: Partial<TransportOwner>) => Promise<{ transport: Transport; peer: Socket }>
> = {
  'raw, dialled': (t, owner) =>
    whenConnected(owner, (told) => dialled(t, (port) => dialAddress(told, '127.0.0.1', port))),
  'socket, dialled': (t, owner) =>
    whenConnected(owner, (told) =>
      dialled(t, (port) => SocketTransport.dialled(told, (socket) => void socket.connect(port, '127.0.0.1')))
    ),
  'socket with data events, as of TLS': (t, owner) =>
    whenConnected(owner, (told) =>
      dialled(t, (port) => {
        const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
        const transport = SocketTransport.overSocket(socket, told)
        socket.once('connect', () => transport.tellConnect())
        return transport
      })
    ),
  'as accepted here': async (t, owner) => {
    const { transport, client } = await accepted(t, owner)
    return { transport, peer: client }
  }
}

async function whenConnected<T>(
  owner: Partial<TransportOwner>,
  make: (owner: TransportOwner) => Promise<T>
): Promise<T> {
  let connected!: () => void
  const connecting = new Promise<void>((resolve) => (connected = resolve))
  const onConnect = () => {
    owner.onConnect?.()
    connected()
  }
  const made = await make({ ...nobody, ...owner, onConnect })
  await connecting
  return made
}

async function dialled(
  t: Test,
  dial: (port: number) => Transport
): Promise<{ transport: Transport; peer: Socket }> {
  const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const arrived = once(server, 'connection')
  const transport = dial((server.address() as { port: number }).port)
  t.teardown(() => transport.destroy())
  const [peer] = (await arrived) as [Socket]
  peer.on('error', () => {})
  t.teardown(() => peer.destroy())
  return { transport, peer }
}

/** What the owner is told, in order. */
function listener() {
  const told: string[] = []
  let text = ''
  const waiting: { what: string; resolve: () => void }[] = []
  const tell = (what: string) => {
    told.push(what)
    for (const wait of waiting) if (wait.what === what) wait.resolve()
  }
  const owner: TransportOwner = {
    onConnect: () => tell('connect'),
    onData: (buffer, start, end) => {
      text += buffer.toString('latin1', start, end)
      tell('data')
    },
    onEnd: () => tell('end'),
    onDrain: () => tell('drain'),
    onClose: (error) => tell(error === undefined ? 'close' : `close ${error.code ?? error.message}`)
  }
  const until = (what: string) =>
    told.includes(what) ? Promise.resolve() : new Promise<void>((resolve) => waiting.push({ what, resolve }))
  return { owner, told, until, text: () => text }
}

const gather = async (socket: Socket): Promise<string> => {
  let text = ''
  for await (const chunk of socket) text += String(chunk)
  return text
}

const skip = rawStreams === undefined && 'no raw streams here'
if (skip !== false) delete kinds['raw, dialled']

for (const [kind, make] of Object.entries(kinds)) {
  t.test(`${kind}: what is sent in every way arrives in order, and FIN after it`, async (t) => {
    const { owner, until, told } = listener()
    const { transport, peer } = await make(t, owner)
    transport.sendText('1')
    transport.sendOwned(Buffer.from('2'))
    transport.cork()
    transport.sendText('3')
    transport.sendOwned(Buffer.from('4'))
    transport.uncork()
    transport.sendTextAndBytes('5', Buffer.from('x6x'), 1, 2)
    transport.sendTextAndBytes('', Buffer.from('7'), 0, 1)
    transport.end()
    transport.end()
    t.equal(await gather(peer), '1234567')
    t.equal(transport.bytesOut, 7)
    peer.end()
    await until('end')
    await until('close')
    t.same(
      told.filter((what) => what !== 'connect' && what !== 'drain'),
      ['end', 'close']
    )
    t.ok(transport.closed)
    transport.sendText('too late')
    transport.resume()
    transport.pause()
    transport.reset()
  })

  t.test(`${kind}: a paused stream reads nothing, and goes on where it stopped`, async (t) => {
    const { owner, until, told, text } = listener()
    const { transport, peer } = await make(t, owner)
    peer.write('one')
    await until('data')
    transport.pause()
    peer.write('two')
    await new Promise((resolve) => setTimeout(resolve, 30))
    t.equal(text(), 'one')
    transport.resume()
    while (text() !== 'onetwo') await new Promise((resolve) => setImmediate(resolve))
    t.notOk(told.includes('end'))
    t.equal(transport.bytesIn, 6)
  })

  t.test(`${kind}: a paused stream does not end before it is read on`, async (t) => {
    const { owner, until, told } = listener()
    const { transport, peer } = await make(t, owner)
    const untilTold = until('data').then(() => transport.pause())
    peer.end('all')
    await untilTold
    await new Promise((resolve) => setTimeout(resolve, 30))
    t.notOk(told.includes('end'), 'while it is paused')
    transport.resume()
    transport.pause()
    await new Promise((resolve) => setTimeout(resolve, 30))
    t.notOk(told.includes('end'), 'paused again at once')
    transport.resume()
    await until('end')
    transport.end()
    await until('close')
  })

  t.test(`${kind}: what ended while it was paused tells so before it closes`, async (t) => {
    const { owner, until, told } = listener()
    const { transport, peer } = await make(t, owner)
    const untilTold = until('data').then(() => transport.pause())
    peer.end('all')
    await untilTold
    transport.end()
    await new Promise((resolve) => setTimeout(resolve, 30))
    transport.resume()
    await until('close')
    t.same(
      told.filter((what) => what !== 'connect' && what !== 'drain'),
      ['data', 'end', 'close']
    )
  })

  t.test(`${kind}: more than the kernel takes waits, and its going is told`, async (t) => {
    const { owner, until } = listener()
    const { transport, peer } = await make(t, owner)
    peer.pause()
    const chunk = Buffer.alloc(1 << 20, 'a')
    let sent = 0
    let flowing = true
    while (flowing) {
      flowing = transport.sendOwned(chunk)
      sent += chunk.length
    }
    t.ok(transport.pending >= chunk.length)
    let got = 0
    peer.on('data', (bytes: Buffer) => (got += bytes.length))
    peer.resume()
    await until('drain')
    const ended = once(peer, 'end')
    transport.end()
    await ended
    t.equal(got, sent)
    t.equal(transport.pending, 0)
  })

  t.test(`${kind}: a peer’s RST is an error, a peer’s silence after our RST too`, async (t) => {
    const { owner, until } = listener()
    const { transport, peer } = await make(t, owner)
    peer.resetAndDestroy()
    await until('close ECONNRESET')
    t.ok(transport.closed)
    const other = listener()
    const second = await make(t, other.owner)
    const seen = ending(second.peer)
    // Half-closed first: reset still works.
    second.transport.end()
    second.transport.reset()
    await other.until('close')
    t.match(await seen, /FIN|ECONNRESET/)
  })

  t.test(`${kind}: who it is and where, and an error that it is closed with`, async (t) => {
    const { owner, until } = listener()
    const { transport, peer } = await make(t, owner)
    t.same(transport.remote, { address: '127.0.0.1', port: peer.localPort })
    t.same(transport.local, { address: '127.0.0.1', port: peer.remotePort })
    t.equal(transport.secure, false)
    transport.keepAlive(60_000)
    let closed = false
    transport.whenClosed = () => (closed = true)
    transport.destroy(Object.assign(new Error('enough'), { code: 'LB_TEST' }))
    await until('close LB_TEST')
    t.ok(closed)
  })
}

t.test('what is sent, and ended, before a raw connection is there follows it', { skip }, async (t) => {
  const { owner, until } = listener()
  let made!: Transport
  const { peer } = await dialled(t, (port) => {
    made = dialAddress({ ...nobody, ...owner }, '127.0.0.1', port)
    made.sendText('early ')
    made.sendOwned(Buffer.from('bytes'))
    made.sendTextAndBytes(' and', Buffer.from(' more'), 0, 5)
    made.end()
    return made
  })
  t.equal(await gather(peer), 'early bytes and more')
  await until('connect')
})

t.test('a raw connection that is refused, or given up, is closed once', { skip }, async (t) => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  const refused = listener()
  dialAddress(refused.owner, '127.0.0.1', port)
  await refused.until('close ECONNREFUSED')
  const gone = listener()
  dialAddress(gone.owner, '127.0.0.1', port).destroy()
  await gone.until('close')
  const v6 = listener()
  dialAddress(v6.owner, '::1', port)
  while (v6.told.length === 0) await new Promise((resolve) => setImmediate(resolve))
  t.match(v6.told[0], /^close (ECONNREFUSED|EADDRNOTAVAIL|ENETUNREACH|EAFNOSUPPORT)$/)
  await new Promise((resolve) => setTimeout(resolve, 10))
  t.same([refused.told.length, gone.told.length, v6.told.length], [1, 1, 1])
})

t.test(
  'thousands of messages both ways over raw streams while each side stops now and then',
  { skip },
  async (t) => {
    const expected = randomBytes(4 << 20).toString('latin1')
    let got = ''
    const { transport, peer } = await dialled(t, (port) => {
      const made: Transport = dialAddress(
        {
          ...nobody,
          onData: (buffer, start, end) => {
            if (!made.sendFrom(buffer, start, end)) made.pause()
          },
          onDrain: () => made.resume(),
          onEnd: () => made.end()
        },
        '127.0.0.1',
        port
      )
      return made
    })
    const done = new Promise<void>((resolve) => peer.once('end', resolve))
    peer.on('data', (chunk: Buffer) => {
      got += chunk.toString('latin1')
      if (chunk.length % 5 !== 0) return
      peer.pause()
      setImmediate(() => peer.resume())
    })
    for (let at = 0, size = 1; at < expected.length; at += size, size = (size * 7 + 1) % 70_000) {
      peer.write(expected.slice(at, at + size), 'latin1')
      if (size === 0) size = 1
    }
    peer.end()
    await done
    t.equal(got.length, expected.length)
    t.ok(got === expected, 'the same bytes in the same order')
    t.equal(transport.bytesIn, expected.length)
  }
)
