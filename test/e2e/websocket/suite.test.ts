import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect as connectHttp2, type ClientHttp2Session } from 'node:http2'
import { connect, type AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { connect as connectTls } from 'node:tls'
import t, { type Test } from 'tap'
import { WebSocketServer } from 'ws'
import { testCertificates } from '../../net/certificates.ts'
import { startLb } from '../servers.ts'
import { cases, type Case } from './cases.ts'

// The groups of the public WebSocket suite (framing, pings, reserved bits, opcodes, fragments, UTF-8, closes, limits,
// compression) against a server that echoes: what comes back through lb is what comes back without it, to the byte.

const AT_ONCE = 16
const KEY = 'dGhlIHNhbXBsZSBub25jZQ=='
const DEFLATE = 'permessage-deflate'

type Open = (deflate: boolean) => Promise<Duplex>

async function echo(t: Test): Promise<number> {
  const server = createServer()
  const sockets = new WebSocketServer({ server, perMessageDeflate: true })
  sockets.on('connection', (socket) => {
    socket.on('message', (data, binary) => socket.send(data, { binary }))
    socket.on('error', () => {})
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of sockets.clients) socket.terminate()
    server.close()
    server.closeAllConnections()
  })
  return (server.address() as AddressInfo).port
}

/** Reads the head of an answer off `socket`; what stands behind it is put back. */
async function upgraded(socket: Duplex, deflate: boolean): Promise<Duplex> {
  const extensions = deflate ? `Sec-WebSocket-Extensions: ${DEFLATE}\r\n` : ''
  socket.write(
    `GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${KEY}\r\n${extensions}\r\n`
  )
  let read = Buffer.alloc(0)
  while (!read.includes('\r\n\r\n')) {
    await once(socket, 'readable')
    read = Buffer.concat([read, (socket.read() as Buffer | null) ?? Buffer.alloc(0)])
  }
  const end = read.indexOf('\r\n\r\n') + 4
  const head = read.subarray(0, end).toString()
  if (!head.startsWith('HTTP/1.1 101')) throw new Error(head)
  if (head.toLowerCase().includes(DEFLATE) !== deflate) throw new Error(`extensions: ${head}`)
  if (read.length > end) socket.unshift(read.subarray(end))
  return socket
}

const plain =
  (port: number): Open =>
  async (deflate) =>
    upgraded(connect({ port, host: '127.0.0.1', allowHalfOpen: true }), deflate)

const secure =
  (port: number): Open =>
  async (deflate) => {
    const options = { port, host: '127.0.0.1', allowHalfOpen: true, rejectUnauthorized: false }
    return upgraded(connectTls({ ...options, ALPNProtocols: ['http/1.1'] }), deflate)
  }

async function http2(t: Test, port: number): Promise<Open> {
  const session: ClientHttp2Session = connectHttp2(`https://127.0.0.1:${port}`, { rejectUnauthorized: false })
  t.teardown(() => session.destroy())
  await once(session, 'remoteSettings')
  return async (deflate) => {
    const stream = session.request({
      ':method': 'CONNECT',
      ':protocol': 'websocket',
      ':path': '/',
      'sec-websocket-version': '13',
      ...(deflate ? { 'sec-websocket-extensions': DEFLATE } : {})
    })
    const [head] = (await once(stream, 'response')) as [Record<string, unknown>]
    if (head[':status'] !== 200) throw new Error(`status ${String(head[':status'])}`)
    return stream
  }
}

/** What the server says until it ends. */
async function play(open: Open, { bytes, chop, deflate }: Case): Promise<string> {
  const stream = await open(deflate === true)
  const parts: Buffer[] = []
  let reset = false
  stream.on('error', () => (reset = true))
  stream.on('data', (part: Buffer) => parts.push(part))
  const step = chop ?? bytes.length
  for (let at = 0; at < bytes.length && stream.writable; at += step) {
    if (!stream.write(bytes.subarray(at, at + step))) {
      await Promise.race([once(stream, 'drain'), once(stream, 'close')]).catch(() => {})
    } else if (chop !== undefined) await new Promise((resolve) => setImmediate(resolve))
  }
  if (!stream.readableEnded && !stream.destroyed)
    await Promise.race([once(stream, 'end'), once(stream, 'close')]).catch(() => {})
  stream.destroy()
  return `${reset ? 'reset' : 'end'} ${Buffer.concat(parts).toString('hex')}`
}

async function playAll(open: Open): Promise<string[]> {
  const results = new Array<string>(cases.length)
  let next = 0
  const player = async (): Promise<void> => {
    for (let i = next++; i < cases.length; i = next++) results[i] = await play(open, cases[i]!)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, player))
  return results
}

t.test('a WebSocket through lb behaves as it does without lb', async (t) => {
  const port = await echo(t)
  const { cert, key } = testCertificates().leaf('localhost').files
  const lb = await startLb(t, {
    workers: 0,
    listeners: [
      { name: 'plain', bind: '127.0.0.1:0', mode: 'l7', pool: 'web' },
      {
        name: 'tls',
        bind: '127.0.0.1:0',
        mode: 'l7',
        pool: 'web',
        protocols: ['h2', 'http/1.1'],
        tls: { certificates: [{ cert, key }] }
      }
    ],
    pools: { web: { backends: [`127.0.0.1:${port}`] } }
  })
  const reference = await playAll(plain(port))
  const ways: Record<string, Open> = {
    'HTTP/1.1': plain(lb.port('plain')),
    'HTTP/1.1 over TLS': secure(lb.port('tls')),
    'HTTP/2': await http2(t, lb.port('tls'))
  }
  for (const [way, open] of Object.entries(ways)) {
    const results = await playAll(open)
    for (const [i, { name }] of cases.entries()) {
      if (results[i] !== reference[i])
        t.fail(`${name} over ${way}`, { got: results[i]!.slice(0, 200), want: reference[i]!.slice(0, 200) })
    }
    t.ok(results.length > 200, `${results.length} cases over ${way}`)
  }
})
