import { mkdtempSync, rmSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { FakeClock } from '../fakes/fake-clock.ts'
import { parseProxyHeader } from '../../src/net/proxy-protocol/parse.ts'
import { proxyProtocolHeader } from '../../src/net/proxy-protocol/write.ts'
import { engineRig } from './harness.ts'
import { ending, eventually, receive, refusal, testClient, testServer } from './sockets.ts'

const at = (port: number) => `127.0.0.1:${port}`
const echo = (socket: Socket) => void socket.pipe(socket)
const trusting = { pool: 'p', proxyProtocol: { trusted: ['127.0.0.0/8'] } }
const client = { address: '203.0.113.7', port: 4711 }
const server = { address: '198.51.100.1', port: 443 }

t.test('a trusted peer’s header tells the client, and what follows it is relayed', async (t) => {
  const backend = await testServer(t, echo)
  const rig = await engineRig(t, trusting, { p: { backends: [at(backend.port)] } })
  for (const version of ['v1', 'v2'] as const) {
    const header = proxyProtocolHeader(version, client, server)
    const whole = await testClient(t, rig.port)
    whole.write(Buffer.concat([header, Buffer.from('hello')]))
    t.equal(await receive(whole, 5), 'hello')
    whole.destroy()
    const split = await testClient(t, rig.port)
    for (const byte of header) {
      split.write(Buffer.from([byte]))
      await new Promise((resolve) => setImmediate(resolve))
    }
    split.write('hello')
    t.equal(await receive(split, 5), 'hello')
    split.destroy()
  }
  await eventually(() => rig.engine.connections === 0)
  t.equal(rig.lines.length, 4)
  for (const { fields } of rig.lines) t.match(fields, { client: '203.0.113.7:4711' })
  t.equal(rig.deps.deadlines.size, 0)
})

t.test('a trusted peer without a header, with a bad one or a slow one is reset', async (t) => {
  const clock = new FakeClock()
  const backend = await testServer(t, echo)
  const rig = await engineRig(t, trusting, { p: { backends: [at(backend.port)] } }, { clock })
  for (const bytes of ['GET / HTTP/1.1\r\n', 'PROXY TCP4 1.2.3.4 1.2.3.4 1 70000\r\n', 'x']) {
    const socket = await testClient(t, rig.port)
    const seen = ending(socket)
    socket.write(bytes)
    t.equal(await seen, 'ECONNRESET', bytes)
    t.match(rig.lines.at(-1), { level: 'info', fields: { code: 'LB_PROXY_HEADER', reason: 'proxy-header' } })
  }
  const slow = await testClient(t, rig.port)
  slow.write('PROXY TCP4 1.2')
  await eventually(() => rig.deps.deadlines.size === 2)
  const seen = ending(slow)
  clock.advance(5_200)
  t.equal(await seen, 'ECONNRESET')
  t.equal(rig.metric('lb_connections_refused_total{listener="tcp",reason="proxy-header"}'), 4)
  const gone = await testClient(t, rig.port)
  gone.end('PROXY')
  await eventually(() => rig.engine.connections === 0)
  t.equal(backend.sockets.length, 0, 'no backend heard of any of them')
  t.equal(rig.deps.deadlines.size, 0)
})

t.test('others are plain clients: what looks like a header is theirs to send', async (t) => {
  const backend = await testServer(t, echo)
  const listener = { pool: 'p', proxyProtocol: { trusted: ['10.0.0.0/8'] } }
  const rig = await engineRig(t, listener, { p: { backends: [at(backend.port)] } })
  const socket = await testClient(t, rig.port)
  const line = 'PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\n'
  socket.write(line)
  t.equal(await receive(socket, line.length), line)
})

t.test('allow, deny, limits and hashing go by the address in the header', async (t) => {
  const backends = [await testServer(t, echo), await testServer(t, echo), await testServer(t, echo)]
  const rig = await engineRig(
    t,
    { ...trusting, deny: ['203.0.113.0/25'], connectionLimit: { perClient: 2 } },
    { p: { backends: backends.map(({ port }) => at(port)), algorithm: 'hash', hash: { key: 'client-ip' } } }
  )
  const from = async (address: string) => {
    const socket = connect(rig.port, '127.0.0.1')
    socket.on('error', () => {})
    t.teardown(() => socket.destroy())
    socket.write(Buffer.concat([proxyProtocolHeader('v2', { address, port: 1 }, server), Buffer.from('x')]))
    return Promise.race([receive(socket, 1).catch(() => 'closed'), ending(socket)])
  }
  t.not(await from('203.0.113.7'), 'x')
  t.match(rig.lines.at(-1)?.fields, { code: 'LB_DENIED', client: '203.0.113.7:1' })
  t.equal(await from('203.0.113.200'), 'x')
  t.equal(await from('203.0.113.200'), 'x')
  t.same(backends.map(({ sockets }) => sockets.length).sort(), [0, 0, 2], 'one client, one backend')
  t.not(await from('203.0.113.200'), 'x')
  t.match(rig.lines.at(-1)?.fields, { code: 'LB_CONNECTION_LIMIT', cause: 'client-connections' })
  t.equal(await from('203.0.113.201'), 'x')
})

t.test('a header to the backends comes first and tells both ends', async (t) => {
  for (const version of ['v1', 'v2'] as const) {
    const backend = await testServer(t)
    const rig = await engineRig(
      t,
      { pool: 'p' },
      { p: { backends: [at(backend.port)], proxyProtocol: version } }
    )
    const socket = await testClient(t, rig.port)
    socket.write('hello')
    const upstream = await backend.next()
    const length =
      version === 'v1' ? `PROXY TCP4 127.0.0.1 127.0.0.1 ${socket.localPort} ${rig.port}\r\n`.length : 28
    const bytes = Buffer.from(await receive(upstream, length + 5), 'latin1')
    const parsed = parseProxyHeader(bytes, 0, bytes.length)
    t.match(parsed, {
      kind: 'header',
      length,
      header: {
        source: { address: '127.0.0.1', port: socket.localPort },
        destination: { address: '127.0.0.1', port: rig.port }
      }
    })
    t.equal(bytes.toString('latin1', length), 'hello')
  }
})

t.test('a header is passed on from trusted peer to backend', async (t) => {
  const backend = await testServer(t)
  const rig = await engineRig(t, trusting, { p: { backends: [at(backend.port)], proxyProtocol: 'v1' } })
  const socket = await testClient(t, rig.port)
  socket.write(proxyProtocolHeader('v2', client, server))
  const line = 'PROXY TCP4 203.0.113.7 198.51.100.1 4711 443\r\n'
  t.equal(await receive(await backend.next(), line.length), line)
  const local = await testClient(t, rig.port)
  local.write('PROXY UNKNOWN\r\n')
  t.match(await receive(await backend.next(), 40), /^PROXY TCP4 127\.0\.0\.1 127\.0\.0\.1 /)
})

t.test('a client on a unix socket is UNKNOWN', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'lb-l4-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  const path = join(directory, 's')
  const backend = await testServer(t, echo)
  await engineRig(
    t,
    { ...trusting, allow: ['10.0.0.0/8'] },
    { p: { backends: [at(backend.port)], proxyProtocol: 'v1' } },
    { bind: { path } }
  )
  const socket = connect(path)
  t.teardown(() => socket.destroy())
  socket.write('hi')
  t.equal(await receive(socket, 17), 'PROXY UNKNOWN\r\nhi')
})

t.test('maxConnections and allow refuse before any backend is dialled', async (t) => {
  const backend = await testServer(t, echo)
  const pools = { p: { backends: [at(backend.port)] } }
  const rig = await engineRig(t, { pool: 'p', maxConnections: 1 }, pools)
  const first = await testClient(t, rig.port)
  first.write('1')
  await receive(first, 1)
  t.equal(await refusal(t, rig.port), 'ECONNRESET')
  t.match(rig.lines.at(-1), { level: 'info', fields: { code: 'LB_CONNECTION_LIMIT', reason: 'limit' } })
  first.destroy()
  await eventually(() => rig.engine.connections === 0)
  const next = await testClient(t, rig.port)
  next.write('1')
  await receive(next, 1)
  const closed = await engineRig(t, { pool: 'p', allow: ['10.0.0.0/8'] }, pools)
  t.equal(await refusal(t, closed.port), 'ECONNRESET')
  t.equal(closed.metric('lb_connections_refused_total{listener="tcp",reason="denied"}'), 1)
  t.equal(backend.sockets.length, 2)
})
