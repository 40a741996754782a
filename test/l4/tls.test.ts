import { once } from 'node:events'
import { connect, createServer as createTlsServer, type ConnectionOptions, type TLSSocket } from 'node:tls'
import t, { type Test } from 'tap'
import { FakeClock } from '../fakes/fake-clock.ts'
import { selfSignedCertificate } from '../../src/net/tls/certificates/make-certificate.ts'
import { parseProxyHeader } from '../../src/net/proxy-protocol/parse.ts'
import { proxyProtocolHeader } from '../../src/net/proxy-protocol/write.ts'
import { testCertificates } from '../net/certificates.ts'
import { engineRig } from './harness.ts'
import { ending, eventually, receive, testClient, testServer } from './sockets.ts'

const at = (port: number) => `127.0.0.1:${port}`
const pki = testCertificates()

/** A TLS backend that says its name to whoever connects. */
async function tlsBackend(t: Test, name: string, ...names: string[]): Promise<number> {
  const server = createTlsServer(pki.leaf(...names), (socket) => {
    socket.on('error', () => {})
    socket.write(`${name}\n`)
    socket.pipe(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return (server.address() as { port: number }).port
}

/** Connects with TLS; resolves with the socket, or rejects with the error. */
function secure(t: Test, port: number, options: ConnectionOptions): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', ca: pki.ca, ...options }, () => resolve(socket))
    socket.on('error', reject)
    socket.on('close', () => reject(new Error('closed')))
    t.teardown(() => socket.destroy())
  })
}

t.test('the name in the ClientHello chooses the pool, and TLS goes through untouched', async (t) => {
  const names = Array.from({ length: 10 }, (_, i) => `db${i}.example`)
  const ports = await Promise.all(names.map((name) => tlsBackend(t, name, name)))
  const wild = await tlsBackend(t, 'wild', '*.internal.example')
  const fallback = await testServer(t, (socket) => void socket.end('fallback\n'))
  const pools = {
    ...Object.fromEntries(ports.map((port, i) => [`p${i}`, { backends: [at(port)] }])),
    wild: { backends: [at(wild)] },
    fallback: { backends: [at(fallback.port)] }
  }
  const sni = [
    ...names.map((host, i) => ({ host, pool: `p${i}` })),
    { host: '*.internal.example', pool: 'wild' }
  ]

  const rig = await engineRig(t, { sni, pool: 'fallback' }, pools)
  for (const servername of [...names, 'a.internal.example']) {
    const socket = await secure(t, rig.port, { servername })
    const expected = servername === 'a.internal.example' ? 'wild' : servername
    t.equal(await receive(socket, expected.length + 1), `${expected}\n`)
    t.ok(socket.authorized, 'the backend’s own certificate, end to end')
    socket.destroy()
  }

  t.test('without a known name, or without TLS, connections go to the pool of the listener', async (t) => {
    for (const options of [{ servername: '' }, { servername: 'other.test' }]) {
      await t.rejects(secure(t, rig.port, options))
    }
    const plain = await testClient(t, rig.port)
    plain.write('hello')
    t.equal(await receive(plain, 9), 'fallback\n')
    t.equal(fallback.sockets.length, 3)
  })

  t.test('and are refused where it has none', async (t) => {
    const { pool: _, ...strict } = { sni, pool: undefined }
    const { fallback: __, ...rest } = pools
    const closed = await engineRig(t, strict, rest)
    await t.rejects(secure(t, closed.port, { servername: 'other.test' }))
    t.match(closed.lines.at(-1), { level: 'info', fields: { code: 'LB_NO_SNI', cause: 'other.test' } })
    const plain = await testClient(t, closed.port)
    const seen = ending(plain)
    plain.write('hello')
    t.equal(await seen, 'ECONNRESET')
    t.equal(closed.metric('lb_connections_refused_total{listener="tcp",reason="no-sni"}'), 2)
  })
})

t.test('a client that is gone before our goodbye has closed, not broken off', async (t) => {
  const backend = await testServer(t, (socket) => void socket.pipe(socket))
  const listener = { minVersion: 'TLSv1.2' as const, certificates: [pki.leaf('localhost')] }
  const rig = await engineRig(
    t,
    { pool: 'p', tls: { selfSigned: true } },
    { p: { backends: [at(backend.port)] } },
    { material: { listener } }
  )
  for (let i = 0; i < 10; i++) {
    // redis-cli says no goodbye of its own: it sends FIN and is gone, and our close_notify meets a reset.
    const bare = await testClient(t, rig.port)
    const client = connect({ socket: bare, ca: pki.ca, servername: 'localhost' })
    client.on('error', () => {})
    client.write('PING')
    t.equal(await receive(client, 4), 'PING')
    bare.destroy()
  }
  await eventually(() => rig.engine.connections === 0)
  t.equal(rig.metric('lb_l4_ends_total{listener="tcp",reason="client-closed"}'), 10)
  t.equal(rig.metric('lb_errors_total{code="LB_CLIENT_GONE"}'), 0)
})

t.test(
  'who says nothing is taken for no TLS after five seconds, half a ClientHello is refused',
  async (t) => {
    const clock = new FakeClock()
    const fallback = await testServer(t, (socket) => void socket.write('220 hello\r\n'))
    const rig = await engineRig(
      t,
      { sni: [{ host: 'a.test', pool: 'p' }], pool: 'p' },
      { p: { backends: [at(fallback.port)] } },
      { clock }
    )
    const silent = await testClient(t, rig.port)
    const half = await testClient(t, rig.port)
    half.write(Buffer.from([22, 3, 1, 2, 0, 1]))
    await eventually(() => rig.deps.deadlines.size === 3)
    await new Promise((resolve) => setTimeout(resolve, 10))
    const seen = ending(half)
    clock.advance(5_200)
    t.equal(await receive(silent, 11), '220 hello\r\n')
    t.equal(await seen, 'ECONNRESET')
    const gone = await testClient(t, rig.port)
    await eventually(() => rig.engine.connections === 2)
    gone.resetAndDestroy()
    await eventually(() => rig.engine.connections === 1)
  }
)

t.test('TLS is ended here, with the certificate that the name asks for', async (t) => {
  const backend = await testServer(t, (socket) => void socket.pipe(socket))
  const listener = {
    minVersion: 'TLSv1.2' as const,
    certificates: [pki.leaf('first.test'), pki.leaf('*.second.test', 'second.test')]
  }
  const rig = await engineRig(
    t,
    { pool: 'p', tls: { selfSigned: true } },
    { p: { backends: [at(backend.port)] } },
    { material: { listener } }
  )
  for (const [servername, subject] of [
    ['first.test', 'first.test'],
    ['a.second.test', '*.second.test'],
    ['second.test', '*.second.test'],
    ['unknown.test', 'first.test']
  ] as const) {
    const socket = await secure(t, rig.port, { servername, checkServerIdentity: () => undefined })
    t.equal(socket.getPeerCertificate().subject.CN, subject)
    socket.write('hello')
    t.equal(await receive(socket, 5), 'hello')
    socket.end()
    await once(socket, 'close')
  }
  await eventually(() => rig.engine.connections === 0)
  t.equal(rig.held(), 0)
  t.equal(rig.deps.deadlines.size, 0)

  t.test('bulk goes through whole, and half-close works', async (t) => {
    const socket = await secure(t, rig.port, { servername: 'first.test', ...{ allowHalfOpen: true } })
    let got = 0
    socket.on('data', (chunk: Buffer) => (got += chunk.length))
    socket.end(Buffer.alloc(2 << 20))
    await once(socket, 'end')
    t.equal(got, 2 << 20)
  })

  t.test('bytes that are not TLS, and a close during the handshake, end the connection', async (t) => {
    const plain = await testClient(t, rig.port)
    const seen = ending(plain)
    plain.write('GET / HTTP/1.1\r\n\r\n')
    t.match(await seen, /FIN|ECONNRESET/)
    await eventually(() => rig.engine.connections === 0)
    const client = /^127\.0\.0\.1:\d+$/
    t.match(rig.lines.at(-1), { level: 'info', fields: { code: 'LB_TLS_HANDSHAKE', reason: 'tls', client } })
    const before = rig.lines.length
    const wrong = await testClient(t, rig.port)
    wrong.write(Buffer.from('16030100050100000100', 'hex'))
    await ending(wrong)
    await eventually(() => rig.engine.connections === 0 && rig.lines.length > before)
    t.match(rig.lines.at(-1), { fields: { code: 'LB_TLS_HANDSHAKE', client } })
    const leaving = await testClient(t, rig.port)
    await eventually(() => rig.engine.connections === 1)
    leaving.destroy()
    await eventually(() => rig.engine.connections === 0)
    const cut = await testClient(t, rig.port)
    await eventually(() => rig.engine.connections === 1)
    rig.engine.destroy()
    t.equal(rig.engine.connections, 0)
    await ending(cut)
  })
})

t.test('a client certificate is asked for', async (t) => {
  const backend = await testServer(t, (socket) => void socket.pipe(socket))
  const listener = {
    minVersion: 'TLSv1.2' as const,
    certificates: [pki.leaf('a.test'), pki.leaf('b.test')],
    clientAuth: { ca: pki.ca, required: true }
  }
  const rig = await engineRig(
    t,
    { pool: 'p', tls: { selfSigned: true } },
    { p: { backends: [at(backend.port)] } },
    { material: { listener } }
  )
  for (const servername of ['a.test', 'b.test']) {
    const known = await secure(t, rig.port, { servername, ...pki.leaf('client') })
    known.write('hi')
    t.equal(await receive(known, 2), 'hi')
    known.destroy()
    // TLS 1.3 tells the client only after it believes that it is connected.
    const unknown = await secure(t, rig.port, { servername })
    await t.rejects(receive(unknown, 1))
  }
  t.equal(backend.sockets.length, 2)
})

t.test('PROXY header and TLS together: the backend hears of the client and of the name', async (t) => {
  const backend = await testServer(t)
  const listener = { minVersion: 'TLSv1.2' as const, certificates: [pki.leaf('a.test')] }
  const rig = await engineRig(
    t,
    {
      pool: 'p',
      tls: { selfSigned: true },
      proxyProtocol: { trusted: ['127.0.0.1'] }
    },
    { p: { backends: [at(backend.port)], proxyProtocol: 'v2' } },
    { material: { listener } }
  )
  const raw = await testClient(t, rig.port)
  raw.write(
    proxyProtocolHeader('v2', { address: '2001:db8::7', port: 1 }, { address: '2001:db8::8', port: 443 })
  )
  const socket = connect({ socket: raw, servername: 'a.test', ca: pki.ca })
  await once(socket, 'secureConnect')
  socket.write('hello')
  const upstream = await backend.next()
  const bytes = Buffer.from(await receive(upstream, 66), 'latin1')
  t.match(parseProxyHeader(bytes, 0, bytes.length), {
    kind: 'header',
    header: { source: { address: '2001:db8::7', port: 1 }, authority: 'a.test' }
  })
  t.equal(bytes.toString('latin1', bytes.length - 5), 'hello')
})

t.test('TLS to the backends', async (t) => {
  const port = await tlsBackend(t, 'secret', 'db.test')
  const pool = { backends: [at(port)], tls: { serverName: 'db.test' } }
  const material = (serverName: string) => ({
    pools: new Map([['p', { ca: pki.ca, serverName, verify: true }]])
  })
  const rig = await engineRig(t, { pool: 'p' }, { p: pool }, { material: material('db.test') })
  const socket = await testClient(t, rig.port)
  socket.write('plain')
  t.equal(await receive(socket, 12), 'secret\nplain')
  const wrong = await engineRig(t, { pool: 'p' }, { p: pool }, { material: material('other.test') })
  t.equal(await ending(await testClient(t, wrong.port)), 'ECONNRESET')
  t.match(wrong.lines.at(-1), { level: 'warn', fields: { code: 'LB_UPSTREAM_TLS' } })
  t.equal(wrong.held(), 0)
})

t.test('a self-signed certificate is made for localhost', async (t) => {
  const pair = await selfSignedCertificate(['localhost', '127.0.0.1'], Date.now())
  const listener = { certificates: [pair], minVersion: 'TLSv1.3' as const }
  const backend = await testServer(t, (socket) => void socket.pipe(socket))
  const rig = await engineRig(
    t,
    { pool: 'p', tls: { selfSigned: true } },
    { p: { backends: [at(backend.port)] } },
    { material: { listener } }
  )
  const ca = listener.certificates[0]!.cert
  for (const servername of ['localhost', '']) {
    const socket = await secure(t, rig.port, { ca, servername })
    t.equal(socket.getProtocol(), 'TLSv1.3')
    socket.destroy()
  }
  await t.rejects(secure(t, rig.port, { ca, servername: 'localhost', maxVersion: 'TLSv1.2' }))
})
