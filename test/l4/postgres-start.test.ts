import { once } from 'node:events'
import type { Socket } from 'node:net'
import { connect, createSecureContext, TLSSocket, type ConnectionOptions } from 'node:tls'
import t, { type Test } from 'tap'
import { testCertificates } from '../net/certificates.ts'
import { engineRig, type EngineRig, type RigOptions } from './harness.ts'
import { ending, eventually, receive, testClient, testServer, type TestServer } from './sockets.ts'

const SSL = Buffer.from('0000000804d2162f', 'hex')
const GSS = Buffer.from('0000000804d21630', 'hex')
const pki = testCertificates()
const leaf = pki.leaf('db.test')
const at = ({ port }: TestServer) => `127.0.0.1:${port}`

/** Says after the question what it was sent before it, and then echoes, under TLS where `answer` is S. */
function postgres(t: Test, answer = 'S'): Promise<TestServer> {
  return testServer(t, (socket) => {
    let first = ''
    socket.on('data', function ask(chunk: Buffer) {
      first += chunk.toString('latin1')
      if (!first.endsWith(SSL.toString('latin1'))) return
      socket.off('data', ask)
      socket.write(answer)
      if (answer !== 'S') return
      const secured = new TLSSocket(socket, { isServer: true, secureContext: createSecureContext(leaf) })
      secured.on('error', () => {})
      secured.write(`<${first.slice(0, -8)}>`)
      secured.pipe(secured)
    })
  })
}

/** Asks in pieces of `size`, then begins with TLS. */
async function ask(t: Test, port: number, options: ConnectionOptions = {}, size = 8): Promise<TLSSocket> {
  const clear = await testClient(t, port)
  for (let from = 0; from < SSL.length; from += size) {
    clear.write(SSL.subarray(from, from + size))
    if (size < SSL.length) await new Promise((resolve) => setTimeout(resolve, 2))
  }
  const [answer] = (await once(clear, 'data')) as [Buffer]
  t.equal(answer.toString(), 'S')
  return secure(t, { socket: clear, servername: 'db.test', ...options })
}

async function secure(t: Test, options: ConnectionOptions): Promise<TLSSocket> {
  const socket = connect({ ca: pki.ca, ...options })
  socket.on('error', () => {})
  t.teardown(() => socket.destroy())
  await once(socket, 'secureConnect')
  return socket
}

async function nothingLeft(t: Test, rig: EngineRig): Promise<void> {
  await eventually(() => rig.engine.connections === 0)
  t.equal(rig.held(), 0)
  t.equal(rig.deps.deadlines.size, 0)
}

const ended = { pool: 'p', tls: { selfSigned: true } }
const listener = { minVersion: 'TLSv1.2' as const, certificates: [leaf] }
const options: RigOptions = { material: { listener } }

t.test('a client of PostgreSQL that asks for TLS gets it from the listener', async (t) => {
  const clear = await testServer(t, (socket) => void socket.pipe(socket))
  const rig = await engineRig(t, ended, { p: { backends: [at(clear)] } }, options)
  for (const size of [8, 3, 1]) {
    const socket = await ask(t, rig.port, {}, size)
    socket.write('startup')
    t.equal(await receive(socket, 7), 'startup', 'the question does not reach the backend')
    socket.destroy()
  }

  t.test('Kerberos is refused first, and plain TLS goes on as before', async (t) => {
    const socket = await testClient(t, rig.port)
    socket.write(GSS)
    t.equal(await receive(socket, 1), 'N')
    socket.write(SSL)
    t.equal(await receive(socket, 1), 'S')
    socket.destroy()
    const direct = await secure(t, { port: rig.port, servername: 'db.test', ALPNProtocols: ['postgresql'] })
    t.equal(direct.alpnProtocol, 'postgresql', 'libpq insists on it with sslnegotiation=direct')
    direct.destroy()
    const other = await secure(t, { port: rig.port, servername: 'db.test', ALPNProtocols: ['mqtt'] })
    t.notOk(other.alpnProtocol)
    other.destroy()
  })

  t.test('bytes behind the question, a second one, half a one and other codes are refused', async (t) => {
    for (const sent of [
      Buffer.concat([SSL, Buffer.from('x')]),
      Buffer.concat([SSL, SSL]),
      Buffer.from('0000000800030000', 'hex'),
      Buffer.from('0000000804d2162e', 'hex')
    ]) {
      const socket = await testClient(t, rig.port)
      const answer = new Promise((resolve) => {
        for (const event of ['data', 'end', 'close'])
          socket.once(event, (data?: unknown) => resolve(data instanceof Buffer ? data : undefined))
      })
      socket.write(sent)
      t.equal(await answer, undefined, sent.toString('hex'))
      socket.destroy()
    }
    const twice = await testClient(t, rig.port)
    twice.write(SSL)
    t.equal(await receive(twice, 1), 'S')
    const seen = ending(twice)
    twice.write(SSL)
    t.match(await seen, /FIN|ECONNRESET/)
    const half = await testClient(t, rig.port)
    half.end(SSL.subarray(0, 5))
    t.match(await ending(half), /FIN|ECONNRESET/)
  })
  await nothingLeft(t, rig)
})

t.test('with sni, the backend is asked as the client has asked', async (t) => {
  const [db, other, none, silent] = await Promise.all([
    postgres(t),
    postgres(t),
    postgres(t, 'N'),
    postgres(t, 'Sx')
  ])
  const sni = [
    { host: 'db.test', pool: 'db' },
    { host: 'next.test', pool: 'next' },
    { host: 'none.test', pool: 'none' }
  ]
  const rig = await engineRig(
    t,
    { sni, pool: 'other' },
    {
      db: { backends: [at(db)], proxyProtocol: 'v1' },
      next: { backends: [at(none), at(silent), at(db)], algorithm: 'first' },
      none: { backends: [at(none)] },
      other: { backends: [at(other)] }
    }
  )
  for (const size of [8, 3]) {
    const named = await ask(t, rig.port, {}, size)
    t.match(
      await receive(named, 9),
      /^<PROXY TCP4 127\.0\.0\.1 .*\r\n>$/,
      'the header goes before the question'
    )
    t.equal(named.getPeerCertificate().subject.CN, 'db.test', 'of the backend')
    named.write('x'.repeat(100_000))
    t.equal((await receive(named, 100_000)).length, 100_000)
    named.destroy()
  }
  const unknown = await ask(t, rig.port, { servername: 'else.test', checkServerIdentity: () => undefined })
  t.equal(await receive(unknown, 2), '<>')
  unknown.destroy()

  t.test('one that has no TLS, or answers oddly, is passed over', async (t) => {
    const next = await ask(t, rig.port, { servername: 'next.test', checkServerIdentity: () => undefined })
    t.equal(await receive(next, 2), '<>')
    next.destroy()
    t.equal(none.sockets.length, 1)
    t.equal(silent.sockets.length, 1)
    await t.rejects(ask(t, rig.port, { servername: 'none.test' }))
    await eventually(() => rig.lines.some(({ fields }) => fields.pool === 'none'))
    t.match(rig.lines.filter(({ fields }) => fields.pool === 'none').at(-1)?.fields, {
      code: 'LB_UPSTREAM_TLS',
      cause: /this PostgreSQL has none/
    })
  })

  t.test('a client that asks and then sends no ClientHello is refused', async (t) => {
    for (const then of [Buffer.from('hello, no TLS'), SSL, undefined]) {
      const socket = await testClient(t, rig.port)
      socket.write(SSL)
      t.equal(await receive(socket, 1), 'S')
      const seen = ending(socket)
      if (then === undefined) socket.end()
      else socket.write(then)
      t.match(await seen, /FIN|ECONNRESET/)
    }
    t.match(rig.lines.at(-1)?.fields, { code: 'LB_TLS_HANDSHAKE', cause: /asked for TLS/ })
  })
  await nothingLeft(t, rig)
})

t.test('with TLS on both sides, the backend is asked and the certificate checked', async (t) => {
  const db = await postgres(t)
  const material = (serverName: string) => ({
    listener,
    pools: new Map([['p', { ca: pki.ca, serverName, verify: true }]])
  })
  const pools = { p: { backends: [at(db)], tls: { serverName: 'db.test' }, proxyProtocol: 'v1' } }
  const rig = await engineRig(t, ended, pools, { material: material('db.test') })
  const named = await ask(t, rig.port)
  t.match(await receive(named, 9), /^<PROXY .*\r\n>$/)
  named.write('x'.repeat(100_000))
  t.equal((await receive(named, 100_000)).length, 100_000)
  named.end()
  await once(named, 'close')
  const direct = await secure(t, { port: rig.port, servername: 'db.test', ALPNProtocols: ['postgresql'] })
  t.match(await receive(direct, 9), /^<PROXY/, 'asked also for a client that begins with TLS')
  direct.destroy()

  const wrong = await engineRig(t, ended, pools, { material: material('another.test') })
  const refused = await ask(t, wrong.port)
  await ending(refused)
  t.match(wrong.lines.at(-1)?.fields, { code: 'LB_UPSTREAM_TLS', cause: /another\.test/ })

  t.test(
    'one that is silent is given up after timeouts.connect, and a client that leaves takes it along',
    async (t) => {
      const silent = await testServer(t)
      const slow = { p: { ...pools.p, backends: [at(silent)], timeouts: { connect: '100ms' } } }
      const rig = await engineRig(t, ended, slow, { material: material('db.test') })
      const waiting = await ask(t, rig.port)
      await ending(waiting)
      t.match(rig.lines.at(-1)?.fields, { code: 'LB_CONNECT_TIMEOUT' })
      rig.apply(ended, { p: { ...slow.p, timeouts: { connect: '1m' } } }, material('db.test'))
      const leaving = await ask(t, rig.port)
      const socket: Socket = await silent.next().then(() => silent.next())
      leaving.destroy()
      await ending(socket)
      await nothingLeft(t, rig)
    }
  )
  await nothingLeft(t, rig)
  await nothingLeft(t, wrong)
})
