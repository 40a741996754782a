import { connect, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { engineRig, type EngineRig } from './harness.ts'
import { ending, eventually, receive, testClient, testServer, type TestServer } from './sockets.ts'
import { resetSocket } from '../reset-socket.ts'

const at = (port: number) => `127.0.0.1:${port}`
const hows = ['end', 'destroy', 'resetAndDestroy'] as const
type How = (typeof hows)[number]

interface Scene {
  readonly rig: EngineRig
  readonly backend: TestServer
}

/** Nothing may be left: no connection, lease, socket or deadline. */
async function clean(t: Test, { rig }: Scene, what: string): Promise<void> {
  await eventually(() => rig.engine.connections === 0)
  t.equal(rig.held(), 0, `${what}: leases and sockets`)
  t.equal(rig.metric('lb_connections_open{listener="tcp"}'), 0)
  await eventually(() => rig.deps.deadlines.size === 0)
}

t.test('a client that leaves in any phase leaves nothing behind', async (t) => {
  const backend = await testServer(t)
  const pools = { p: { backends: [at(backend.port)] } }
  const silent = { p: { backends: ['silent.test:1'], timeouts: { connect: '200ms' } } }
  const lookup = () => {}
  const sni = { sni: [{ host: 'a.test', pool: 'p' }] }
  const proxy = { pool: 'p', proxyProtocol: { trusted: ['127.0.0.1'] } }

  const phases: Record<string, (how: How) => Promise<Scene>> = {
    'before its PROXY header': async (how) => {
      const rig = await engineRig(t, proxy, pools)
      const client = await testClient(t, rig.port)
      client.write('PROXY TCP4 1.2')
      await eventually(() => rig.engine.connections === 1)
      client[how]()
      return { rig, backend }
    },
    'in its ClientHello': async (how) => {
      const rig = await engineRig(t, sni, pools)
      const client = await testClient(t, rig.port)
      client.write(Buffer.from([22, 3, 1, 2, 0, 1]))
      await eventually(() => rig.engine.connections === 1)
      client[how]()
      return { rig, backend }
    },
    'while a backend is dialled': async (how) => {
      const rig = await engineRig(t, { pool: 'p' }, silent, { lookup })
      const client = await testClient(t, rig.port)
      client.write('x')
      await eventually(() => rig.held() === 2)
      client[how]()
      return { rig, backend }
    },
    'in the queue': async (how) => {
      const full = {
        p: { backends: [{ address: at(backend.port), maxConnections: 1 }], queue: { timeout: '200ms' } }
      }
      const rig = await engineRig(t, { pool: 'p' }, full)
      const first = await testClient(t, rig.port)
      const upstream = await backend.next()
      const client = await testClient(t, rig.port)
      await eventually(() => rig.pools.get('p')!.waiting === 1)
      client[how]()
      if (how !== 'end') await eventually(() => rig.pools.get('p')!.waiting === 0)
      first.destroy()
      upstream.destroy()
      if (how === 'end') void backend.next().then((socket) => socket.destroy())
      return { rig, backend }
    },
    'in the splice': async (how) => {
      const rig = await engineRig(t, { pool: 'p' }, pools)
      const client = await testClient(t, rig.port)
      client.write('x')
      const upstream = await backend.next()
      const told = ending(upstream)
      client[how]()
      t.equal(await told, how === 'resetAndDestroy' ? 'ECONNRESET' : 'FIN', 'the backend is told the truth')
      upstream.destroy()
      return { rig, backend }
    },
    'half-closed by the backend': async (how) => {
      const rig = await engineRig(t, { pool: 'p' }, pools)
      const client = await testClient(t, rig.port)
      const upstream = await backend.next()
      upstream.end()
      t.equal(await ending(client), 'FIN')
      const told = ending(upstream)
      client[how]()
      t.equal(await told, how === 'resetAndDestroy' ? 'ECONNRESET' : 'FIN', 'the backend is told the truth')
      return { rig, backend }
    },
    'with bytes that it did not read': async (how) => {
      const rig = await engineRig(t, { pool: 'p' }, pools)
      const client = await testClient(t, rig.port)
      client.pause()
      const upstream = await backend.next()
      upstream.write(Buffer.alloc(16 << 20))
      await eventually(() => client.readableLength > 0 || client.bytesRead > 0)
      const told = ending(upstream)
      client[how]()
      // An end alone leaves it to the backend to stop; closing with unread bytes is a RST to the kernel.
      t.equal(await told, how === 'end' ? 'FIN' : 'ECONNRESET')
      upstream.destroy()
      if (how === 'end') client.destroy()
      return { rig, backend }
    }
  }
  for (const [phase, scene] of Object.entries(phases)) {
    for (const how of hows) await clean(t, await scene(how), `${how} ${phase}`)
  }
})

t.test('a backend that closes in any phase: the client gets the right result', async (t) => {
  const spliced = async (): Promise<Scene & { client: Socket; upstream: Socket }> => {
    const backend = await testServer(t)
    const rig = await engineRig(t, { pool: 'p' }, { p: { backends: [at(backend.port)] } })
    const client = await testClient(t, rig.port)
    return { rig, backend, client, upstream: await backend.next() }
  }
  for (const how of hows) {
    const truth = how === 'resetAndDestroy' ? 'ECONNRESET' : 'FIN'

    const fresh = await spliced()
    const told = ending(fresh.client)
    fresh.upstream[how]()
    t.equal(await told, truth, `${how} before any byte`)
    fresh.client.destroy()
    await clean(t, fresh, `${how} before any byte`)

    const busy = await spliced()
    busy.client.write('x')
    await receive(busy.upstream, 1)
    busy.upstream.write('y')
    t.equal(await receive(busy.client, 1), 'y')
    const after = ending(busy.client)
    busy.upstream[how]()
    t.equal(await after, truth, `${how} after some`)
    busy.client.destroy()
    await clean(t, busy, `${how} after some`)

    const half = await spliced()
    half.client.end()
    t.equal(await ending(half.upstream), 'FIN')
    const last = ending(half.client)
    half.upstream[how]()
    t.equal(await last, truth, `${how} half-closed`)
    await clean(t, half, `${how} half-closed`)
  }
})

t.test('both at the same moment, a hundred times', async (t) => {
  const backend = await testServer(t)
  const rig = await engineRig(t, { pool: 'p' }, { p: { backends: [at(backend.port)] } })
  for (let i = 0; i < 100; i++) {
    const client = await testClient(t, rig.port)
    const upstream = await backend.next()
    client.write('x')
    upstream.write('y')
    client[hows[i % 3]!]()
    upstream[hows[Math.floor(i / 3) % 3]!]()
  }
  for (const socket of backend.sockets) socket.destroy()
  await eventually(() => rig.engine.connections <= 0 || rig.held() === 0)
  rig.engine.destroy()
  await clean(t, { rig, backend }, 'both')
})

// `LB_SOAK=100000 node test/l4/kill.test.ts` for the long one: some minutes.
const CONNECTIONS = Number(process.env['LB_SOAK'] ?? 2_000)
if (CONNECTIONS > 2_000) t.setTimeout(900_000)

t.test(`${CONNECTIONS} connections of every kind leave nothing behind`, { timeout: 900_000 }, async (t) => {
  const backend = await testServer(t, (socket) => void socket.pipe(socket))
  const gone = await testServer(t)
  await gone.close()
  const rig = await engineRig(
    t,
    { pool: 'p', connectionLimit: { perClient: 1000 } },
    { p: { backends: [at(backend.port), at(gone.port)], breaker: false } },
    { level: 'error' }
  )
  const one = (i: number) =>
    new Promise<void>((resolve) => {
      const socket = connect(rig.port, '127.0.0.1')
      socket.on('error', () => {})
      socket.on('close', () => resolve())
      socket.on('data', () => (i % 3 === 0 ? resetSocket(socket) : socket.end()))
      if (i % 7 === 0) socket.destroy()
      else if (i % 5 === 0) socket.end('x')
      else socket.write('x')
    })
  for (let i = 0; i < CONNECTIONS; i += 50)
    await Promise.all(Array.from({ length: 50 }, (_, n) => one(i + n)))
  await clean(t, { rig, backend }, 'all')
  if (CONNECTIONS > 2_000)
    t.comment(`${Math.round(process.memoryUsage.rss() / 2 ** 20)} MB resident at the end`)
  const ended = rig.metric('lb_l4_ends_total{listener="tcp",reason="client-closed"}')
  t.ok(ended > CONNECTIONS / 4, `${ended} ended in order`)
})
