import { once } from 'node:events'
import { connect } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { engineRig } from './harness.ts'
import { directory } from './programs.ts'
import { ending, eventually, testClient, testServer } from './sockets.ts'

const at = (port: number) => `127.0.0.1:${port}`

t.test('what a backend sends before it closes reaches a client that is still writing', async (t) => {
  const backend = await testServer(t, (socket) => void socket.pause())
  const rig = await engineRig(t, { pool: 'p' }, { p: { backends: [at(backend.port)] } })
  for (let i = 0; i < 20; i++) {
    const client = await testClient(t, rig.port)
    let text = ''
    client.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')))
    const upstream = await backend.next()
    client.write('startup')
    await new Promise((resolve) => setTimeout(resolve, 2))
    upstream.write('FATAL: too many connections')
    // Unread bytes make this a RST, sometimes before and sometimes after what the client writes next.
    upstream.destroy()
    const seen = ending(client)
    const timer = setInterval(() => client.write('more'), 1)
    t.match(await seen, /FIN|ECONNRESET/)
    clearInterval(timer)
    t.equal(text, 'FATAL: too many connections')
    client.destroy()
    await eventually(() => rig.engine.connections === 0)
  }
  t.equal(rig.held(), 0)
  t.equal(rig.deps.deadlines.size, 0)
})

t.test('a slow client gets all that a backend said before it broke off, and then the reset', async (t) => {
  const backend = await testServer(t)
  const rig = await engineRig(t, { pool: 'p' }, { p: { backends: [at(backend.port)] } })
  const client = await testClient(t, rig.port)
  client.pause()
  const { localPort } = client
  const upstream = await backend.next()
  // More than the kernel takes on the way, so that the engine waits for its client.
  for (let stuck = 0; stuck < 30; await new Promise((resolve) => setTimeout(resolve, 5))) {
    stuck = upstream.writableLength === 0 ? 0 : stuck + 1
    if (stuck === 0) upstream.write(Buffer.alloc(1 << 18))
  }
  upstream.resetAndDestroy()
  await new Promise((resolve) => setTimeout(resolve, 300))
  t.equal(rig.engine.connections, 1, 'the client has not got everything')
  let got = 0
  client.on('data', (bytes: Buffer) => (got += bytes.length))
  t.equal(await ending(client), 'ECONNRESET')
  await eventually(() => rig.engine.connections === 0)
  t.equal(rig.metric('lb_l4_ends_total{listener="tcp",reason="upstream-reset"}'), 1)
  t.match(rig.lines.at(-1)?.fields, { client: `127.0.0.1:${localPort}`, bytesOut: got })
})

t.test('a client on a unix socket that sends data and FIN at the same time', async (t) => {
  const path = join(directory(t), 's')
  const backend = await testServer(t, (socket) => void socket.pipe(socket))
  const pools = { p: { backends: [at(backend.port)] } }
  const rig = await engineRig(t, { pool: 'p' }, pools, { bind: { path } })
  const client = connect({ path, allowHalfOpen: true })
  await once(client, 'connect')
  client.end('all of it')
  let text = ''
  client.on('data', (chunk: Buffer) => (text += String(chunk)))
  await once(client, 'end')
  t.equal(text, 'all of it')
  await eventually(() => rig.engine.connections === 0)
})
