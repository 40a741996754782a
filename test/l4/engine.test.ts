import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import t from 'tap'
import { FakeClock } from '../fakes/fake-clock.ts'
import { engineRig } from './harness.ts'
import { ending, eventually, receive, refusal, testClient, testServer } from './sockets.ts'
import { resetSocket } from '../reset-socket.ts'

const echo = { serve: (socket: Socket) => void socket.pipe(socket) }
const at = (port: number) => `127.0.0.1:${port}`

t.test('a connection is relayed, counted and given back', async (t) => {
  const backend = await testServer(t, echo.serve)
  const rig = await engineRig(t, { pool: 'p' }, { p: { backends: [at(backend.port)] } })
  const client = await testClient(t, rig.port)
  client.write('hello')
  t.equal(await receive(client, 5), 'hello')
  t.equal(rig.engine.connections, 1)
  t.equal(rig.held(), 2, 'one lease and one socket')
  t.equal(rig.metric('lb_connections_open{listener="tcp"}'), 1)
  client.end()
  t.equal(await ending(client), 'FIN')
  await eventually(() => rig.engine.connections === 0)
  t.equal(rig.held(), 0)
  t.equal(rig.deps.deadlines.size, 0)
  t.equal(rig.metric('lb_connections_total{listener="tcp"}'), 1)
  t.equal(rig.metric('lb_connections_open{listener="tcp"}'), 0)
  t.equal(rig.metric('lb_bytes_total{listener="tcp",direction="in"}'), 5)
  t.equal(rig.metric('lb_bytes_total{listener="tcp",direction="out"}'), 5)
  t.equal(rig.metric('lb_l4_ends_total{listener="tcp",reason="client-closed"}'), 1)
  t.equal(rig.metric('lb_connect_duration_seconds_count{pool="p"}'), 1)
  const { level, fields } = rig.lines.at(-1)!
  t.equal(level, 'debug')
  t.match(fields, { listener: 'tcp', pool: 'p', backend: `p/${at(backend.port)}`, reason: 'client-closed' })
  t.match(fields, { bytesIn: 5, bytesOut: 5 })
})

t.test('a backend that refuses is passed over, and the client notices nothing', async (t) => {
  const [gone, backend] = [await testServer(t), await testServer(t, echo.serve)]
  await gone.close()
  const backends = [at(gone.port), at(backend.port)]
  const rig = await engineRig(t, { pool: 'p' }, { p: { backends, algorithm: 'first' } })
  const client = await testClient(t, rig.port)
  client.end('said at once')
  t.equal(await receive(client, 12), 'said at once')
  t.equal(await ending(client), 'FIN')
  const [line] = rig.lines
  t.equal(line?.level, 'warn')
  t.match(line?.fields, { code: 'LB_CONNECT_FAILED', backend: `p/${at(gone.port)}` })
  t.equal(rig.metric('lb_errors_total{listener="tcp",code="LB_CONNECT_FAILED"}'), 1)
  await eventually(() => rig.engine.connections === 0)
  t.equal(rig.held(), 0)
})

t.test('when no backend accepts, the client is reset and one line says why', async (t) => {
  const servers = [await testServer(t), await testServer(t)]
  for (const server of servers) await server.close()
  const rig = await engineRig(t, { pool: 'p' }, { p: { backends: servers.map(({ port }) => at(port)) } })
  t.equal(await refusal(t, rig.port), 'ECONNRESET')
  t.equal(rig.held(), 0)
  t.equal(rig.metric('lb_connections_refused_total{listener="tcp",reason="no-backend"}'), 1)
  t.same(
    rig.lines.map(({ level, fields }) => [level, (fields as { code: string }).code]),
    [
      ['warn', 'LB_CONNECT_FAILED'],
      ['warn', 'LB_CONNECT_FAILED']
    ]
  )
})

t.test('a backend that does not accept in time is passed over', async (t) => {
  const clock = new FakeClock()
  const backend = await testServer(t, echo.serve)
  const rig = await engineRig(
    t,
    { pool: 'p' },
    { p: { algorithm: 'first', backends: ['silent.test:1', at(backend.port)] } },
    { clock, lookup: () => {} }
  )
  const client = await testClient(t, rig.port)
  client.write('x'.repeat(1000))
  await eventually(() => rig.held() > 0)
  clock.advance(3_200)
  t.equal((await receive(client, 1000)).length, 1000)
  t.match(rig.lines[0]?.fields, { code: 'LB_CONNECT_TIMEOUT', backend: 'p/silent.test:1' })
})

t.test('what a client sends before there is a backend is held, bounded, and not lost', async (t) => {
  const clock = new FakeClock()
  const backend = await testServer(t)
  const rig = await engineRig(
    t,
    { pool: 'p' },
    { p: { algorithm: 'first', backends: ['silent.test:1', at(backend.port)] } },
    { clock, lookup: () => {} }
  )
  const client = await testClient(t, rig.port)
  const sent = 8 << 20
  client.end(Buffer.alloc(sent, 'a'))
  await eventually(() => rig.held() > 0)
  await new Promise((resolve) => setTimeout(resolve, 50))
  t.ok(client.writableLength > 0, 'the client is held back')
  clock.advance(3_200)
  const upstream = await backend.next()
  let got = 0
  upstream.on('data', (chunk: Buffer) => (got += chunk.length))
  await eventually(() => got === sent)
  t.pass('all of it came')
})

t.test('a client that goes away while a backend is dialled leaves nothing behind', async (t) => {
  for (const how of ['end', 'resetAndDestroy'] as const) {
    const clock = new FakeClock()
    const rig = await engineRig(
      t,
      { pool: 'p' },
      { p: { backends: ['silent.test:1'] } },
      { clock, lookup: () => {} }
    )
    const client = await testClient(t, rig.port)
    await eventually(() => rig.held() === 2)
    client[how]()
    if (how === 'end') {
      await new Promise((resolve) => setTimeout(resolve, 10))
      t.equal(rig.engine.connections, 1, 'a client that is done sending may still want to read')
      clock.advance(3_200)
    }
    await eventually(() => rig.engine.connections === 0)
    t.equal(rig.held(), 0)
    await eventually(() => rig.deps.deadlines.size === 0)
  }
})

t.test('a full backend makes connections wait in the queue, bounded in number and time', async (t) => {
  const clock = new FakeClock()
  const backend = await testServer(t, echo.serve)
  const pool = {
    backends: [{ address: at(backend.port), maxConnections: 1 }],
    queue: { max: 1, timeout: '1s' }
  }
  const rig = await engineRig(t, { pool: 'p' }, { p: pool }, { clock })
  const first = await testClient(t, rig.port)
  first.write('1')
  await receive(first, 1)
  const second = await testClient(t, rig.port)
  second.write('2')
  await eventually(() => rig.pools.get('p')!.waiting === 1)
  t.equal(await refusal(t, rig.port), 'ECONNRESET')
  t.match(rig.lines.at(-1)?.fields, { code: 'LB_QUEUE_FULL' })
  first.end()
  t.equal(await receive(second, 1), '2', 'its turn comes when the first is done')
  const fourth = await testClient(t, rig.port)
  await eventually(() => rig.pools.get('p')!.waiting === 1)
  const seen = ending(fourth)
  clock.advance(1_100)
  t.equal(await seen, 'ECONNRESET')
  t.match(rig.lines.at(-1)?.fields, { code: 'LB_QUEUE_TIMEOUT' })
  const fifth = await testClient(t, rig.port)
  await eventually(() => rig.pools.get('p')!.waiting === 1)
  resetSocket(fifth)
  await eventually(() => rig.pools.get('p')!.waiting === 0)
  t.equal(backend.sockets.length, 2, 'never more than one at a time')
})

t.test('connections of a backend that went down are closed where the pool says so', async (t) => {
  for (const onDown of ['close', 'keep']) {
    const backend = await testServer(t, echo.serve)
    const rig = await engineRig(t, { pool: 'p' }, { p: { onDown, backends: [at(backend.port)] } })
    const client = await testClient(t, rig.port)
    client.write('1')
    await receive(client, 1)
    const key = `p/${at(backend.port)}`
    rig.engine.backendDown('p/other')
    rig.engine.backendDown(key)
    if (onDown === 'keep') {
      client.write('2')
      t.equal(await receive(client, 1), '2')
      rig.engine.closeBackend(key)
    }
    t.equal(await ending(client), 'ECONNRESET')
    const reason = onDown === 'close' ? 'backend-down' : 'drained'
    t.equal(rig.metric(`lb_l4_ends_total{listener="tcp",reason="${reason}"}`), 1)
    const told = rig.lines.filter(
      ({ fields }) => (fields as { event?: string }).event === 'connections-closed'
    )
    t.match(told, [{ level: 'info', fields: { listener: 'tcp', backend: key, reason, connections: 1 } }])
    t.equal(told.length, 1, 'nothing is told of backends without connections')
    t.equal(rig.held(), 0)
  }
})

t.test(
  'what a pool says about backends that go down holds for connections that were open before',
  async (t) => {
    const backend = await testServer(t, echo.serve)
    const backends = [at(backend.port)]
    const rig = await engineRig(t, { pool: 'p' }, { p: { onDown: 'keep', backends } })
    const client = await testClient(t, rig.port)
    client.write('1')
    await receive(client, 1)
    rig.apply({ pool: 'p' }, { p: { onDown: 'close', backends } })
    rig.engine.backendDown(`p/${at(backend.port)}`)
    t.equal(await ending(client), 'ECONNRESET')
    t.equal(rig.held(), 0)
  }
)

t.test('a draining engine refuses new connections and keeps the old', async (t) => {
  const backend = await testServer(t, echo.serve)
  const rig = await engineRig(t, { pool: 'p' }, { p: { backends: [at(backend.port)] } })
  const old = await testClient(t, rig.port)
  old.write('1')
  await receive(old, 1)
  rig.engine.drain()
  t.equal(await refusal(t, rig.port), 'ECONNRESET')
  old.write('2')
  t.equal(await receive(old, 1), '2')
  t.ok(rig.engine.oldestMs(rig.deps.clock.now()) > 0)
  rig.engine.destroy()
  t.equal(await ending(old), 'ECONNRESET')
  t.equal(rig.engine.connections, 0)
  t.equal(rig.engine.oldestMs(rig.deps.clock.now()), 0)
  t.equal(rig.metric('lb_l4_ends_total{listener="tcp",reason="shutdown"}'), 1)
})

t.test('a reload sends new connections to the new pool and keeps the old where they are', async (t) => {
  const [one, two] = [await testServer(t, echo.serve), await testServer(t, echo.serve)]
  const rig = await engineRig(t, { pool: 'p' }, { p: { backends: [at(one.port)] } })
  const old = await testClient(t, rig.port)
  old.write('1')
  await receive(old, 1)
  rig.apply({ pool: 'q' }, { q: { backends: [at(two.port)] } })
  const fresh = await testClient(t, rig.port)
  fresh.write('1')
  await receive(fresh, 1)
  old.write('2')
  t.equal(await receive(old, 1), '2')
  t.same([one.sockets.length, two.sockets.length], [1, 1])
})

t.test('least-connections counts what is really open', async (t) => {
  const servers = [await testServer(t, echo.serve), await testServer(t, echo.serve)]
  const rig = await engineRig(
    t,
    { pool: 'p' },
    { p: { algorithm: 'least-connections', backends: servers.map(({ port }) => at(port)) } }
  )
  const open = async () => {
    const client = await testClient(t, rig.port)
    client.write('x')
    await receive(client, 1)
    return client
  }
  for (let i = 0; i < 4; i++) await open()
  t.same(
    rig.pools.get('p')!.backends.map(({ active }) => active),
    [2, 2]
  )
  // The first backend drops its two: the next two go there.
  for (const socket of servers[0]!.sockets) resetSocket(socket)
  await eventually(() => rig.pools.get('p')!.backends[0]!.active === 0)
  await open()
  await open()
  t.same(
    rig.pools.get('p')!.backends.map(({ active }) => active),
    [2, 2]
  )
})

t.test('a trial that connects closes the breaker at once, however long it lives', async (t) => {
  const clock = new FakeClock()
  const gone = await testServer(t)
  await gone.close()
  const pool = { backends: [at(gone.port)], breaker: { failures: 2, open: '10s' } }
  const rig = await engineRig(t, { pool: 'p' }, { p: pool }, { clock })
  const [backend] = rig.pools.get('p')!.backends
  for (let i = 0; i < 2; i++) await refusal(t, rig.port)
  t.equal(backend!.breaker, 'open')
  const back = createServer((socket) => socket.on('error', () => {}).pipe(socket)).listen(
    gone.port,
    '127.0.0.1'
  )
  t.teardown(() => back.close())
  await once(back, 'listening')
  clock.advance(10_100)
  const client = await testClient(t, rig.port)
  client.write('x')
  await receive(client, 1)
  t.equal(backend!.breaker, 'closed')
  client.destroy()
})

t.test(
  'a backend that accepts and breaks off at once has failed; one that does so later has not',
  async (t) => {
    const backend = await testServer(t, (socket) => void socket.once('data', () => resetSocket(socket)))
    const clock = new FakeClock()
    const rig = await engineRig(
      t,
      { pool: 'p' },
      { p: { backends: [at(backend.port)], breaker: { failures: 2 } } },
      { clock }
    )
    let attempts = 0
    const attempt = async (waitMs: number) => {
      const client = await testClient(t, rig.port)
      attempts++
      await eventually(() => rig.metric('lb_connect_duration_seconds_count{pool="p"}') === attempts)
      clock.advance(waitMs)
      client.write('x')
      t.equal(await ending(client), 'ECONNRESET')
      await eventually(() => rig.lines.length === attempts)
      return rig.lines.at(-1)?.level
    }
    t.equal(await attempt(2_000), 'info')
    t.equal(await attempt(2_000), 'info')
    t.equal(rig.pools.get('p')!.backends[0]!.breaker, 'closed')
    t.equal(await attempt(0), 'warn')
  }
)
