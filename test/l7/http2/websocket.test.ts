import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect, createServer as createHttp2, type ClientHttp2Session, type ClientHttp2Stream, type ServerHttp2Stream } from 'node:http2' // prettier-ignore
import type { AddressInfo, Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { WebSocket, WebSocketServer } from 'ws'
import { startLab, type Lab } from '../engine/lab.ts'

// WebSocket over HTTP/2 (RFC 8441), on either side of lb.

async function echoHttp1(t: Test): Promise<string> {
  const server = createServer((_, response) => response.writeHead(403).end('no'))
  const sockets = new WebSocketServer({ noServer: true })
  server.on('upgrade', (request, socket: Socket, head: Buffer) => {
    if (request.url?.startsWith('/accept') === true) {
      const lines = request.url === '/accept-none' ? '' : 'Sec-WebSocket-Accept: AAAA\r\n'
      return void socket.write(
        `HTTP/1.1 101 Fine\r\nConnection: upgrade\r\nUpgrade: websocket\r\n${lines}\r\n`
      )
    }
    if (request.url === '/refused')
      return void socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno')
    if (request.url?.startsWith('/2') === true)
      return void socket.end(`HTTP/1.1 ${request.url.slice(1)} Fine\r\nContent-Length: 0\r\n\r\n`)
    sockets.handleUpgrade(request, socket, head, (ws) => {
      ws.on('message', (data: Buffer, binary) => ws.send(data, { binary }))
      ws.on('error', () => {})
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const ws of sockets.clients) ws.terminate()
    server.close()
    server.closeAllConnections()
  })
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Echoes the bytes of the tunnel as they are: frames of WebSocket among them come back masked, so it is told raw. */
async function echoHttp2(t: Test, enableConnectProtocol = true): Promise<string> {
  const server = createHttp2({ settings: { enableConnectProtocol } })
  server.on('stream', (stream: ServerHttp2Stream, headers) => {
    stream.on('error', () => {})
    if (headers[':method'] !== 'CONNECT') return void stream.respond({ ':status': 400 }, { endStream: true })
    stream.respond({ ':status': 200, 'x-key': String(headers['sec-websocket-key']), 'x-protocol': String(headers[':protocol']) })
    stream.pipe(stream)
  }) // prettier-ignore
  server.on('session', (session) => t.teardown(() => session.destroy()))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function through(t: Test, backend: string, pool: object = {}, routes: object[] = []): Promise<Lab> {
  const all = [...routes, { pool: 'web' }]
  const lab = await startLab({
    listeners: [{ bind: '127.0.0.1:0', mode: 'l7', protocols: ['h2', 'http/1.1'], routes: all }],
    pools: { web: { backends: [backend], retry: { attempts: 0 }, ...pool } }
  })
  t.teardown(() => lab.close())
  return lab
}

async function http2Client(t: Test, lab: Lab): Promise<ClientHttp2Session> {
  const client = connect(`http://127.0.0.1:${lab.port}`)
  client.on('error', () => {})
  t.teardown(() => client.destroy())
  await once(client, 'remoteSettings')
  return client
}

const extended = (client: ClientHttp2Session, path: string): ClientHttp2Stream =>
  client.request({
    ':method': 'CONNECT',
    ':protocol': 'websocket',
    ':path': path,
    'sec-websocket-version': '13'
  })

/** A frame of text, masked with zeros. */
function text(words: string): Buffer {
  return Buffer.concat([Buffer.from([0x81, 0x80 | words.length, 0, 0, 0, 0]), Buffer.from(words)])
}

async function eventually(t: Test, holds: () => boolean, what: string): Promise<void> {
  for (let i = 0; i < 3000 && !holds(); i++) await sleep(10)
  t.ok(holds(), what)
}

t.test('over HTTP/2 to a backend of HTTP/1.1, beside other requests of the connection', async (t) => {
  const lab = await through(t, await echoHttp1(t))
  const client = await http2Client(t, lab)
  t.equal(client.remoteSettings.enableConnectProtocol, true)
  const stream = extended(client, '/')
  let received = Buffer.alloc(0)
  stream.on('data', (bytes: Buffer) => (received = Buffer.concat([received, bytes])))
  const [headers] = (await once(stream, 'response')) as [Record<string, unknown>]
  t.match(headers, { ':status': 200 })
  t.equal(headers['sec-websocket-accept'], undefined)
  for (const words of ['one', 'two', 'three']) stream.write(text(words))
  await eventually(t, () => String(received).includes('three'), 'echoed')
  t.equal(received.toString('latin1'), '\x81\x03one\x81\x03two\x81\x05three')
  const other = client.request({ ':path': '/plain' })
  const [plain] = (await once(other, 'response')) as [Record<string, unknown>]
  t.equal(plain[':status'], 403)
  stream.end(Buffer.from([0x88, 0x80, 0, 0, 0, 0]))
  await once(stream, 'close')
  await eventually(t, () => lab.active === 0, 'every lease is back')
})

t.test('what the backend answers instead of 101 is the answer', async (t) => {
  const lab = await through(t, await echoHttp1(t))
  const client = await http2Client(t, lab)
  const stream = extended(client, '/refused')
  stream.resume()
  const [headers] = (await once(stream, 'response')) as [Record<string, unknown>]
  t.equal(headers[':status'], 403)
  await once(stream, 'close')
  await eventually(t, () => lab.active === 0, 'every lease is back')
})

t.test('a backend of HTTP/1.1 that answers 2xx, or the key wrongly, has opened no tunnel, and neither has lb', async (t) => {
  const lab = await through(t, await echoHttp1(t), {}, [{ match: { path: '/own' }, respond: { status: 200, body: 'x' } }])
  const client = await http2Client(t, lab)
  const answers = [['/accept-none', 502], ['/accept-wrong', 502], ['/200', 502], ['/201', 502], ['/204', 502], ['/206', 502], ['/own', 501]] as const
  for (const [path, status] of answers) {
    const stream = extended(client, path)
    stream.resume()
    const [headers] = (await once(stream, 'response')) as [Record<string, unknown>]
    t.equal(headers[':status'], status, path)
    await once(stream, 'close')
  }
  await eventually(t, () => lab.active === 0, 'every lease is back')
}) // prettier-ignore

t.test(
  'over HTTP/2 on both sides: bytes both ways, an end, and a reset that reaches the other side',
  async (t) => {
    const lab = await through(t, await echoHttp2(t), { protocol: 'h2c' })
    const client = await http2Client(t, lab)
    const stream = extended(client, '/')
    let size = 0
    stream.on('data', (bytes: Buffer) => (size += bytes.length))
    const [headers] = (await once(stream, 'response')) as [Record<string, unknown>]
    t.match(headers, { ':status': 200, 'x-key': 'undefined', 'x-protocol': 'websocket' })
    stream.end(Buffer.alloc(1_000_000, 'x'))
    await once(stream, 'end')
    t.equal(size, 1_000_000)
    const cut = extended(client, '/')
    cut.on('error', () => {})
    await once(cut, 'response')
    t.equal(lab.active, 1)
    cut.close(8)
    await eventually(t, () => lab.active === 0, 'every lease is back')
  }
)

t.test('from HTTP/1.1 to a backend of HTTP/2: 101 with the answer to the key', async (t) => {
  const lab = await through(t, await echoHttp2(t), { protocol: 'h2c' })
  const client = await lab.client()
  client.send('GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n') // prettier-ignore
  await client.text('\r\n\r\n')
  t.match(client.received, /^HTTP\/1\.1 101 /)
  t.match(client.received, /^Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r$/m)
  t.match(client.received, /^Upgrade: websocket\r$/im)
  t.match(client.received, /^x-key: undefined\r$/m)
  client.send('some bytes')
  await client.text('some bytes')
  client.socket.end()
  await client.end()
  await eventually(t, () => lab.active === 0, 'every lease is back')
})

t.test('a backend that knows of no tunnels is said so', async (t) => {
  const lab = await through(t, await echoHttp2(t, false), { protocol: 'h2c' })
  const socket = new WebSocket(`ws://127.0.0.1:${lab.port}/`)
  const [, response] = (await once(socket, 'unexpected-response')) as [unknown, { statusCode: number }]
  t.equal(response.statusCode, 502)
  socket.on('error', () => {})
  socket.terminate()
  await eventually(t, () => lab.active === 0, 'every lease is back')
})
