import { execFile } from 'node:child_process'
import dns, { type LookupAddress } from 'node:dns'
import { once } from 'node:events'
import http2 from 'node:http2'
import { syncBuiltinESMExports } from 'node:module'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import type { BackendAddress } from '../../src/config/model/model.ts'
import { systemClock } from '../../src/core/clock.ts'
import { Deadlines } from '../../src/core/deadlines.ts'
import { probes } from '../../src/health/probes.ts'
import { dial, type DialOptions } from '../../src/net/dial/dial.ts'
import { dialFailure } from '../../src/net/dial/dial-failure.ts'
import type { Lookup } from '../../src/net/dial/lookup.ts'
import { NameDial } from '../../src/net/dial/name-dial.ts'
import { UpstreamTls } from '../../src/net/tls/upstream-tls.ts'
import { SocketTransport } from '../../src/net/transport/socket-transport.ts'
import { nobody } from '../../src/net/transport/transport.ts'
import { probeConfig } from '../health/fixtures.ts'
import { testCertificates } from './certificates.ts'

const { leaf, ca } = testCertificates()
const { cert, key } = leaf('db.test')
const source = '127.0.0.5'

const found = (...texts: string[]): LookupAddress[] =>
  texts.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))
const answers = (...texts: string[]): Lookup => {
  const all = found(...texts)
  return (_name, _options, callback) => process.nextTick(callback, null, all)
}
const named = (port: number, host: string): BackendAddress => ({
  kind: 'tcp',
  host,
  port,
  text: `${host}:${port}`
})
const inTime = (more: Partial<DialOptions>): DialOptions => ({
  connectTimeoutMs: 10_000,
  deadlines: new Deadlines(systemClock),
  ...more
})

/** Echoes, in clear text and over TLS, and knows where each connection came from and what it began with. */
async function echo(t: Test, host: string, port = 0) {
  const from: (string | undefined)[] = []
  const heads: string[] = []
  const sockets = new Set<Socket>()
  const secure = createTlsServer({ cert, key }, (socket) => {
    socket.on('error', () => {})
    socket.pipe(socket)
  })
  const server = createServer((socket) => {
    from.push(socket.remoteAddress)
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('readable', () => {
      const first = socket.read() as Buffer | null
      if (first === null) return
      const isPrefaced = first.subarray(0, 5).equals(PREFACE)
      if (isPrefaced) heads.push('PROXY')
      const rest = isPrefaced ? first.subarray(5) : first
      if (rest.length > 0) socket.unshift(rest)
      if (isPrefaced || first[0] === 0x16) secure.emit('connection', socket)
      else socket.pipe(socket)
    })
  })
  server.listen(port, host)
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port, from, heads }
}

const PREFACE = Buffer.from('PROXY')

/** What comes back of `ping`, which is sent before the connection is there, or why there is no connection. */
function ping(t: Test, address: BackendAddress, options: DialOptions): Promise<string> {
  return new Promise((resolve) => {
    let text = ''
    let connected = false
    const transport = dial(address, options, {
      onConnect: () => (connected = true),
      onData(buffer, start, end) {
        text += buffer.toString('latin1', start, end)
        if (text === 'ping pong') resolve(text)
      },
      onEnd() {},
      onDrain() {},
      onClose: (error) => resolve(dialFailure(error, connected).code)
    })
    t.teardown(() => transport.destroy())
    transport.readsOut = true
    transport.sendText('pi')
    transport.cork()
    transport.sendOwned(Buffer.from('ng'))
    transport.sendTextAndBytes(' po', Buffer.from('ng'), 0, 2)
    transport.uncork()
  })
}

const kinds: [string, Partial<DialOptions>][] = [
  ['clear text', {}],
  ['TLS', { tls: new UpstreamTls({ ca, serverName: 'db.test', verify: true }) }],
  [
    'TLS behind a PROXY header',
    { tls: new UpstreamTls({ ca, serverName: 'db.test', verify: true }), preface: PREFACE }
  ]
]

for (const [kind, more] of kinds) {
  t.test(`${kind}: with a source or without, every address of a name is tried`, async (t) => {
    const server = await echo(t, '127.0.0.1')
    const lists = [
      ['127.0.0.9', '127.0.0.1'],
      ['::1', '127.0.0.1'],
      ['127.0.0.1', '127.0.0.9'],
      ['::1', '127.0.0.7', '127.0.0.8', '127.0.0.9', '127.0.0.1']
    ]
    for (const [at, list] of lists.entries())
      for (const from of [undefined, source]) {
        const options = inTime({ ...more, lookup: answers(...list), source: from })
        const name = `${list.join()} from ${from}`
        t.equal(await ping(t, named(server.port, `n${at}.test`), options), 'ping pong', name)
        t.equal(server.from.pop(), from ?? '127.0.0.1', name)
        t.equal(options.deadlines.size, 0)
      }
    t.equal(server.from.length, 0, 'one connection each')
    t.equal(server.heads.length, more.preface === undefined ? 0 : 8)
  })

  t.test(`${kind}: a name of which no address accepts, or none fits the source, fails once`, async (t) => {
    const { port } = await echo(t, '127.0.0.1')
    const fails = async (list: string[], from?: string) =>
      ping(t, named(port, 'none.test'), inTime({ ...more, lookup: answers(...list), source: from }))
    for (const from of [undefined, source]) {
      t.equal(await fails(['127.0.0.8', '127.0.0.9'], from), 'LB_CONNECT_FAILED')
      t.equal(await fails([], from), 'LB_CONNECT_FAILED')
    }
    t.equal(await fails(['::1'], source), 'LB_CONNECT_FAILED')
    t.equal(await fails(['127.0.0.1', '127.0.0.9'], '192.0.2.77'), 'LB_NO_PORT')
  })

  t.test(`${kind}: given up at any moment, it leaves no connection and no deadline`, async (t) => {
    const { port } = await echo(t, '127.0.0.1')
    const options = inTime({ ...more, lookup: answers('127.0.0.9', '127.0.0.1'), source })
    for (let turns = 0; turns < 40; turns++) {
      let closes = 0
      let connected = false
      const onConnect = (): void => void (connected = true)
      const transport = dial(named(port, 'left.test'), options, {
        ...nobody,
        onConnect,
        onClose: () => closes++
      })
      for (let turn = turns % 8; turn > 0; turn--) await new Promise((resolve) => setImmediate(resolve))
      const wasConnected = connected
      transport[turns % 3 === 0 ? 'reset' : 'destroy']()
      transport.destroy()
      t.equal(transport.closed, true)
      while (closes === 0) await new Promise((resolve) => setImmediate(resolve))
      t.equal(connected, wasConnected)
      t.equal(closes, 1)
    }
    t.equal(options.deadlines.size, 0)
    t.equal(await ping(t, named(port, 'left.test'), options), 'ping pong')
  })
}

t.test('what was sent, ended and paused before there is a socket holds once there is one', async (t) => {
  const server = createServer((socket) => socket.on('data', (sent) => socket.write(sent)))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const events: string[] = []
  const ended = Promise.withResolvers<void>()
  const transport = SocketTransport.toBeDialled({
    onConnect: () => events.push('connect'),
    onData: (_, start, end) => events.push(`data ${end - start}`),
    onEnd: () => ended.resolve(),
    onDrain: () => events.push('drain'),
    onClose: () => {}
  })
  t.teardown(() => transport.destroy())
  transport.pause()
  transport.keepAlive(1_000)
  t.equal(transport.sendText('a'.repeat(65_535)), true)
  t.equal(transport.sendText('b'), false, 'enough waits')
  t.equal(transport.pending, 65_536)
  t.same(
    [transport.closed, transport.secure, transport.tls, transport.remote, transport.local],
    [false, false, undefined, undefined, undefined]
  )
  const socket = transport.newSocket()
  socket.connect((server.address() as AddressInfo).port, '127.0.0.1')
  await once(socket, 'connect')
  transport.adopt(socket, { reads: true })
  while (transport.pending > 0) await new Promise((resolve) => setImmediate(resolve))
  await new Promise((resolve) => setTimeout(resolve, 30))
  t.same(events, ['drain'], 'paused, and the room that was waited for is told')
  transport.end()
  transport.resume()
  await ended.promise
  t.equal(transport.bytesIn, 65_536)
})

t.test('an address that hangs holds up the next one for a quarter of a second, and is closed', async (t) => {
  const told: string[] = []
  const won = await new Promise<string>((resolve) => {
    const dialling = new NameDial<string>('hangs.test', answers('127.0.0.7', '127.0.0.8', '127.0.0.9'), {
      begin(address, done) {
        told.push(`begin ${address}`)
        if (address === '127.0.0.8') setImmediate(done, new Error('refused'))
        if (address === '127.0.0.9') setImmediate(done)
        return address
      },
      close: (address) => told.push(`close ${address}`),
      won: resolve,
      failed: () => resolve('failed')
    })
    t.teardown(() => dialling.cancel())
  })
  t.equal(won, '127.0.0.9')
  t.same(told, [
    'begin 127.0.0.7',
    'begin 127.0.0.8',
    'close 127.0.0.8',
    'begin 127.0.0.9',
    'close 127.0.0.7'
  ])
})

t.test('probes of every kind try all addresses too', async (t) => {
  const answer = (_: unknown, response: http2.Http2ServerResponse): void => void response.end()
  const clear = http2.createServer(answer).listen(0, '127.0.0.1')
  const secure = http2.createSecureServer({ cert, key, allowHTTP1: true }, answer).listen(0, '127.0.0.1')
  t.teardown(() => {
    clear.close()
    secure.close()
  })
  for (const server of [clear, secure]) if (!server.listening) await once(server, 'listening')
  const lookup = dns.lookup
  const ours = (_: string, __: object, done: (error: null, all: LookupAddress[]) => void): void =>
    done(null, found('::1', '127.0.0.9', '127.0.0.1'))
  Object.assign(dns, { lookup: ours })
  syncBuiltinESMExports()
  t.teardown(() => {
    Object.assign(dns, { lookup })
    syncBuiltinESMExports()
  })
  const at = (server: { address(): unknown }): BackendAddress =>
    named((server.address() as AddressInfo).port, 'probed.test')
  const never = new AbortController()
  t.teardown(() => never.abort())
  for (const from of [undefined, source])
    for (const [type, server, http2] of [
      ['http', clear, true],
      ['https', secure, true],
      ['https', secure, false],
      ['tls', secure, false],
      ['tcp', clear, false]
    ] as const) {
      const over = { type, path: '/', source: from, verify: false }
      const config = probeConfig(http2 ? { ...over, http2 } : over)
      const tls = type === 'https' ? { verify: false } : undefined
      await t.resolves(
        probes[type]({ address: at(server), config, tls } as never, never.signal),
        `${type} ${http2 ? 2 : 1} from ${from}`
      )
    }
  const gone = new AbortController()
  const config = probeConfig({ type: 'http', http2: true, path: '/', source })
  const probe = probes.http({ address: at(clear), config, tls: undefined } as never, gone.signal)
  gone.abort(new Error('over'))
  await t.rejects(probe, { message: 'over' })
})

if (process.env['LB_NET'] !== 'sockets')
  t.test('all of it holds over node:net, where raw handles are not to be had', async (t) => {
    const env = { ...process.env, LB_NET: 'sockets' }
    // It ends with an error when a test fails.
    const { stdout } = await promisify(execFile)(process.execPath, [import.meta.filename], { env })
    t.match(stdout, /^ok 1 - clear text/m)
    t.notMatch(stdout, /not ok/)
  })
