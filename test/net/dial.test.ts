import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer as createTlsServer, type TLSSocket } from 'node:tls'
import t, { type Test } from 'tap'
import type { BackendAddress } from '../../src/config/model/model.ts'
import { systemClock } from '../../src/core/clock.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import { Deadlines } from '../../src/core/deadlines.ts'
import { dialFailure } from '../../src/net/dial/dial-failure.ts'
import { dial, type DialOptions } from '../../src/net/dial/dial.ts'
import type { Lookup } from '../../src/net/dial/lookup.ts'
import { rawStreams } from '../../src/net/transport/raw-streams.ts'
import { SocketTransport } from '../../src/net/transport/socket-transport.ts'
import type { Transport } from '../../src/net/transport/transport.ts'
import { failureText } from '../../src/health/probe.ts'
import { connectReason, plainMessage } from '../../src/net/tls/tls-reason.ts'
import { UpstreamTls } from '../../src/net/tls/upstream-tls.ts'
import { testCertificates } from './certificates.ts'

const tcp = (port: number, host = '127.0.0.1'): BackendAddress => ({
  kind: 'tcp',
  host,
  port,
  text: `${host}:${port}`
})

async function listening(t: Test, server: Server, host = '127.0.0.1'): Promise<number> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
  })
  await new Promise<void>((resolve) => server.listen(0, host, resolve))
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

interface Result {
  transport: Transport
  connected: boolean
  error: NodeJS.ErrnoException | undefined
  received: string
}

/** Dials and tells once the connection is there, or closed. `until` waits for that much of an answer. */
function attempt(
  t: Test,
  address: BackendAddress,
  options: DialOptions,
  until = '',
  readsOut = false
): Promise<Result> {
  return new Promise((resolve) => {
    let received = ''
    let connected = false
    const transport = dial(address, options, {
      onConnect() {
        connected = true
        if (until === '') resolve({ transport, connected, error: undefined, received })
        else transport.sendText('ping')
      },
      onData(buffer, start, end) {
        received += buffer.toString('latin1', start, end)
        if (received === until) resolve({ transport, connected, error: undefined, received })
      },
      onEnd() {},
      onDrain() {},
      onClose: (error) => resolve({ transport, connected, error, received })
    })
    transport.readsOut = readsOut
    t.teardown(() => transport.destroy())
  })
}

const echo = () => createServer((socket) => socket.pipe(socket))
const inTime = (more: Partial<DialOptions> = {}): DialOptions => ({
  connectTimeoutMs: 5_000,
  deadlines: new Deadlines(systemClock),
  ...more
})

t.test('a dial reaches an address, and leaves no deadline behind', async (t) => {
  const port = await listening(t, echo())
  const options = inTime()
  const result = await attempt(t, tcp(port), options, 'ping')
  t.equal(result.received, 'ping')
  t.equal(options.deadlines.size, 0)
})

t.test('a dial reaches a unix socket', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'lb-dial-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  const path = join(directory, 's')
  const server = echo()
  await new Promise<void>((resolve) => server.listen(path, resolve))
  t.teardown(() => server.close())
  const result = await attempt(t, { kind: 'unix', path, text: `unix:${path}` }, inTime(), 'ping')
  t.equal(result.received, 'ping')
  result.transport.destroy()
  const missing = await attempt(t, { kind: 'unix', path: path + 'x', text: '' }, inTime())
  t.same(dialFailure(missing.error, false), { code: 'LB_CONNECT_FAILED', outcome: 'connect-failure' })
})

t.test('a name whose first address refuses is reached at the next one', async (t) => {
  const port = await listening(t, echo())
  const lookup: Lookup = (_name, _options, callback) =>
    process.nextTick(callback, null, [
      { address: '::1', family: 6 },
      { address: '127.0.0.1', family: 4 }
    ])
  const result = await attempt(t, tcp(port, 'db.test'), inTime({ lookup }), 'ping')
  t.equal(result.received, 'ping')
})

t.test('a name is dialled without a socket between, its addresses in turn', async (t) => {
  const server = echo()
  let connections = 0
  server.on('connection', () => connections++)
  const port = await listening(t, server)
  const addresses = (...texts: string[]): Lookup => {
    const all = texts.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))
    return (_name, _options, callback) => process.nextTick(callback, null, all)
  }
  const known = await attempt(t, tcp(port, 'db.test'), inTime({ lookup: addresses('127.0.0.1') }), 'ping')
  t.equal(known.transport instanceof SocketTransport, rawStreams === undefined)
  t.same(known.transport.remote, { address: '127.0.0.1', port })

  const lookup = addresses('::1', '127.0.0.9', '127.0.0.1')
  const beside = await attempt(t, tcp(port, 'db.test'), inTime({ lookup }), 'ping')
  t.equal(beside.received, 'ping')
  t.equal(connections, 2)

  const nobody = await attempt(t, tcp(port, 'db.test'), inTime({ lookup: addresses('::1', '127.0.0.9') }))
  t.equal(dialFailure(nobody.error, false).code, 'LB_CONNECT_FAILED')
})

t.test('a refused connection and an unknown name count as connect failures', async (t) => {
  const server = echo()
  const port = await listening(t, server)
  await new Promise((resolve) => server.close(resolve))
  const failure = { code: 'LB_CONNECT_FAILED', outcome: 'connect-failure' }
  const refused = await attempt(t, tcp(port), inTime())
  t.equal(refused.error?.code, 'ECONNREFUSED')
  t.same(dialFailure(refused.error, false), failure)
  const lookup: Lookup = (_name, _options, callback) =>
    process.nextTick(callback, Object.assign(new Error('no'), { code: 'ENOTFOUND' }), [])
  const unknown = await attempt(t, tcp(port, 'no.test'), inTime({ lookup }))
  t.same(dialFailure(unknown.error, false), failure)
})

t.test(
  'a backend that is not there is told at once to an owner that reads what a broken connection left',
  async (t) => {
    const tls = new UpstreamTls({ verify: false })
    const nobody: BackendAddress = {
      kind: 'unix',
      path: '/nonexistent/app.sock',
      text: 'unix:/nonexistent/app.sock'
    }
    const cases: [string, BackendAddress, Partial<DialOptions>][] = [
      ['TLS, refused', tcp(1), { tls }],
      ['TLS behind a PROXY header, refused', tcp(1), { tls, preface: Buffer.from('PROXY') }],
      ['TLS, an unknown name', tcp(443, 'nobody.invalid'), { tls }],
      ['a unix socket that is not there', nobody, {}],
      ['a unix socket that is not there, TLS', nobody, { tls }],
      ['clear text, refused', tcp(1), {}]
    ]
    for (const [name, address, more] of cases) {
      const lookup: Lookup = (_host, _options, done) =>
        setImmediate(() =>
          done(Object.assign(new Error('none'), { code: 'ENOTFOUND', syscall: 'getaddrinfo' }), [])
        )
      const result = attempt(t, address, inTime({ ...more, lookup, connectTimeoutMs: 20_000 }), '', true)
      const { connected, error } = await result
      t.equal(connected, false, name)
      t.match(error?.code, /^(ECONNREFUSED|ENOENT|ENOTFOUND)$/, `${name}: ${error?.code}`)
    }
  }
)

t.test('a dial that takes too long is closed with a connect timeout', async (t) => {
  const clock = new FakeClock()
  const deadlines = new Deadlines(clock)
  const lookup: Lookup = () => {}
  const dialled = attempt(t, tcp(1, 'slow.test'), { connectTimeoutMs: 3_000, deadlines, lookup })
  clock.advance(2_900)
  t.equal(deadlines.size, 1)
  clock.advance(200)
  const { error, connected } = await dialled
  t.same(dialFailure(error, connected), { code: 'LB_CONNECT_TIMEOUT', outcome: 'connect-timeout' })
  t.equal(deadlines.size, 0)
})

t.test('a dial given up on leaves nothing behind', async (t) => {
  const deadlines = new Deadlines(new FakeClock())
  const options = { connectTimeoutMs: 3_000, deadlines, lookup: () => {} }
  const closed = new Promise<Error | undefined>((resolve) => {
    const transport = dial(tcp(1, 'slow.test'), options, {
      onData() {},
      onEnd() {},
      onDrain() {},
      onClose: resolve
    })
    transport.destroy()
  })
  t.equal(await closed, undefined)
  t.equal(deadlines.size, 0)
})

t.test('TLS to a backend', async (t) => {
  const pki = testCertificates()
  const { cert, key } = pki.leaf('db.test')
  const resumed: boolean[] = []
  const names: unknown[] = []
  const server = createTlsServer({ cert, key, ca: pki.ca }, (socket: TLSSocket) => {
    resumed.push(socket.isSessionReused())
    names.push(socket.servername)
    socket.on('error', () => {})
    socket.pipe(socket)
  })
  const port = await listening(t, server as unknown as Server)
  const tlsFailure = { code: 'LB_UPSTREAM_TLS', outcome: 'connect-failure' }

  t.test('verifies the certificate, names the server and resumes the session', async (t) => {
    const tls = new UpstreamTls({ ca: pki.ca, serverName: 'db.test', verify: true })
    for (let i = 0; i < 2; i++) {
      const { received, transport } = await attempt(t, tcp(port), inTime({ tls }), 'ping')
      t.equal(received, 'ping')
      transport.destroy()
    }
    t.same(resumed.splice(0), [false, true])
    t.same(names.splice(0), ['db.test', 'db.test'])
  })

  t.test('refuses a wrong name and an unknown issuer', async (t) => {
    const wrong = new UpstreamTls({ ca: pki.ca, serverName: 'other.test', verify: true })
    t.same(dialFailure((await attempt(t, tcp(port), inTime({ tls: wrong }))).error, false), tlsFailure)
    const unknown = new UpstreamTls({ serverName: 'db.test', verify: true })
    t.same(dialFailure((await attempt(t, tcp(port), inTime({ tls: unknown }))).error, false), tlsFailure)
  })

  t.test("tells why in words, and OpenSSL's own text without its places in the source", async (t) => {
    const reason = async (at: number, tls: UpstreamTls): Promise<string> =>
      connectReason((await attempt(t, tcp(at), inTime({ tls }))).error)
    t.match(
      await reason(port, new UpstreamTls({ ca: pki.ca, serverName: 'other.test', verify: true })),
      /^ERR_TLS_CERT_ALTNAME_INVALID \(its certificate is for db\.test, not for other\.test: see tls\.serverName\)$/
    )
    t.match(
      await reason(port, new UpstreamTls({ serverName: 'db.test', verify: true })),
      /^[A-Z_]+ \(its authority is not known/
    )
    const plain = await listening(
      t,
      createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
    )
    const clear = await attempt(t, tcp(plain), inTime({ tls: new UpstreamTls({ verify: false }) }))
    t.match(connectReason(clear.error), /^ERR_SSL_[A-Z_]+ \(it does not speak TLS on this port\)$/)
    t.match(plainMessage(clear.error!), /^(wrong version number|packet length too long)$/)
    t.match(failureText(clear.error), /it does not speak TLS on this port/)
    t.equal(connectReason(undefined), 'closed')
    t.equal(connectReason(Object.assign(new Error('x'), { code: 'ECONNREFUSED' })), 'ECONNREFUSED')
    t.equal(plainMessage(new Error('certificate revoked')), 'certificate revoked')
  })

  t.test(
    'a PROXY header goes first, also to the second address of a name, whenever it is given up',
    async (t) => {
      const heads: string[] = []
      const behind = createServer((raw) => {
        raw.once('readable', () => {
          heads.push(String(raw.read(5)))
          server.emit('connection', raw)
        })
      })
      const at = await listening(t, behind)
      const tls = new UpstreamTls({ ca: pki.ca, serverName: 'db.test', verify: true })
      const two: Lookup = (_, __, callback) =>
        callback(null, [
          { address: '127.0.0.9', family: 4 },
          { address: '127.0.0.1', family: 4 }
        ])
      const options = { ...inTime({ tls }), preface: Buffer.from('PROXY'), lookup: two }
      for (const host of ['127.0.0.1', 'two.test']) {
        const { received, transport } = await attempt(t, tcp(at, host), options, 'ping')
        t.equal(received, 'ping', host)
        transport.destroy()
      }
      t.same(heads, ['PROXY', 'PROXY'])
      const nobody = { onData() {}, onEnd() {}, onDrain() {}, onClose() {} }
      for (let turns = 0; turns < 60; turns++) {
        const transport = dial(tcp(at), options, nobody)
        for (let turn = turns % 6; turn > 0; turn--) await new Promise((resolve) => setImmediate(resolve))
        transport.destroy()
      }
      t.equal((await attempt(t, tcp(at), options, 'ping')).received, 'ping')
    }
  )

  t.test('takes any certificate where verification is off', async (t) => {
    const tls = new UpstreamTls({ verify: false })
    t.equal((await attempt(t, tcp(port), inTime({ tls }), 'ping')).received, 'ping')
  })

  t.test('a handshake that never ends is a connect timeout, one with garbage a TLS failure', async (t) => {
    const tls = new UpstreamTls({ verify: false })
    const silent = await listening(t, createServer())
    const clock = new FakeClock()
    const deadlines = new Deadlines(clock)
    const dialled = attempt(t, tcp(silent), { connectTimeoutMs: 3_000, deadlines, tls })
    clock.advance(3_200)
    t.same(dialFailure((await dialled).error, false).code, 'LB_CONNECT_TIMEOUT')
    const garbage = await listening(
      t,
      createServer((socket) => socket.end('220 not tls here\r\n'))
    )
    t.same(dialFailure((await attempt(t, tcp(garbage), inTime({ tls }))).error, false), tlsFailure)
  })
})
