import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer as createTlsServer } from 'node:tls'
import t, { type Test } from 'tap'
import { systemClock } from '../../src/core/clock.ts'
import { Deadlines } from '../../src/core/deadlines.ts'
import { listen } from '../../src/net/accept.ts'
import { dial } from '../../src/net/dial.ts'
import type { Transport, TransportOwner } from '../../src/net/transport.ts'
import { UpstreamTls } from '../../src/net/upstream-tls.ts'
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
  const client = typeof address === 'string' ? connect(address) : connect(address!.port, '127.0.0.1')
  client.on('error', () => {})
  t.teardown(() => client.destroy())
  const transport = await made
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
      transport.sendFrom(transport, buffer, start, end)
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
