import { execFile, spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import http from 'node:http'
import http2 from 'node:http2'
import https from 'node:https'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Server, ServerCredentials, type ServiceDefinition } from '@grpc/grpc-js'
import t from 'tap'
import type { BackendAddress, BackendTls, ProbeConfig } from '../../src/config/model/model.ts'
import { MOST_BYTES } from '../../src/health/probe.ts'
import { probes } from '../../src/health/probes.ts'
import { requestFrame, servingStatus } from '../../src/health/probes/grpc.ts'
import { selfSignedCertificate } from '../../src/net/tls/certificates/make-certificate.ts'
import { probeConfig } from './fixtures.ts'

const never = new AbortController().signal
const { cert, key } = await selfSignedCertificate(['probe.test'], Date.now())

function at(port: number, host = '127.0.0.1'): BackendAddress {
  return { kind: 'tcp', host, port, text: `${host}:${port}` }
}

function run(
  type: ProbeConfig['type'],
  address: BackendAddress,
  over: Partial<ProbeConfig> = {},
  tls?: BackendTls
) {
  return probes[type]({ address, config: probeConfig({ type, ...over }), tls }, never)
}

/** Listens on a free port; closes whatever is open when the test ends. */
async function listen(t: Tap, server: net.Server): Promise<BackendAddress> {
  const sockets = new Set<net.Socket>()
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  })
  return at((server.address() as net.AddressInfo).port)
}

type Tap = { teardown(run: () => unknown): void }

async function closedPort(): Promise<BackendAddress> {
  const server = net.createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as net.AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return at(port)
}

t.test('tcp: a connection is enough, a refusal is not', async (t) => {
  t.equal(await run('tcp', await listen(t, net.createServer())), 'connected')
  await t.rejects(run('tcp', await closedPort()), { code: 'ECONNREFUSED' })
})

t.test('tcp: a banner is awaited, also in pieces', async (t) => {
  const server = net.createServer((socket) => {
    socket.write('220 mail')
    setTimeout(() => socket.write('.test ESMTP\r\n'), 20)
  })
  const address = await listen(t, server)
  t.match(await run('tcp', address, { expect: 'ESMTP' }), /220 mail\.test/)
})

t.test('tcp: what is sent arrives, and another answer, none or too long a one fails', async (t) => {
  const echo = await listen(
    t,
    net.createServer((socket) => socket.on('data', (data) => socket.end(data)))
  )
  t.match(await run('tcp', echo, { send: 'ping\r\n', expect: 'ping' }), /ping/)
  await t.rejects(run('tcp', echo, { send: 'ping\r\n', expect: 'pong' }), { message: /closed after "ping/ })
  const silent = await listen(
    t,
    net.createServer((socket) => socket.end())
  )
  await t.rejects(run('tcp', silent, { expect: 'x' }), { message: /closed after nothing/ })
  const endless = net.createServer((socket) => {
    const more = () => void (socket.write(Buffer.alloc(16_384, 'a')) && setImmediate(more))
    socket.on('drain', more)
    more()
  })
  await t.rejects(run('tcp', await listen(t, endless), { expect: 'x' }), {
    message: `${MOST_BYTES} bytes without the text`
  })
})

t.test('tcp: a unix socket, and a probe that is aborted leaves nothing open', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'lb-probe-'))
  t.teardown(() => rm(directory, { recursive: true }))
  const path = join(directory, 'app.sock')
  const server = net.createServer()
  await new Promise<void>((resolve) => server.listen(path, resolve))
  t.teardown(() => new Promise((resolve) => server.close(resolve)))
  const unix = { kind: 'unix', path, text: `unix:${path}` } as const
  t.equal(await run('tcp', unix), 'connected')

  const abort = new AbortController()
  const closed = new Promise<void>((resolve) =>
    server.once('connection', (socket) =>
      socket
        .on('error', () => {})
        .on('close', resolve)
        .resume()
    )
  )
  const probe = probes.tcp(
    { address: unix, config: probeConfig({ expect: 'x' }), tls: undefined },
    abort.signal
  )
  setTimeout(() => abort.abort(new Error('enough')), 20)
  await t.rejects(probe, { message: 'enough' })
  await closed
})

t.test('http: status, host, path, method and headers', async (t) => {
  let seen: http.IncomingMessage | undefined
  const server = http.createServer((request, response) => {
    seen = request
    response.writeHead(request.url === '/ok' ? 204 : 500).end()
  })
  const address = await listen(t, server)
  const over = { path: '/ok', host: 'site.internal', method: 'HEAD', headers: { 'x-probe': '1' } }
  t.equal(await run('http', address, over), 'status 204')
  t.match(seen, {
    method: 'HEAD',
    url: '/ok',
    headers: { host: 'site.internal', 'x-probe': '1', 'user-agent': 'lb-probe' }
  })
  await t.rejects(run('http', address, { path: '/bad' }), { message: 'status 500' })
  t.equal(await run('http', address, { path: '/bad', statuses: [{ from: 500, to: 500 }] }), 'status 500')
  await t.rejects(run('http', await closedPort()), { code: 'ECONNREFUSED' })
})

t.test('http: the body is searched up to a bound', async (t) => {
  const server = http.createServer((request, response) => {
    if (request.url === '/ok') response.end('all ok here')
    else if (request.url === '/late')
      response.end(Buffer.concat([Buffer.alloc(2 * MOST_BYTES, 'a'), Buffer.from('ok')]))
    else {
      const more = () => void (response.write(Buffer.alloc(16_384, 'a')) && setImmediate(more))
      response.on('drain', more)
      response.on('error', () => {})
      more()
    }
  })
  const address = await listen(t, server)
  t.equal(await run('http', address, { path: '/ok', body: 'ok' }), 'status 200')
  await t.rejects(run('http', address, { path: '/ok', body: 'fine' }), { message: 'the body lacks "fine"' })
  await t.rejects(run('http', address, { path: '/late', body: 'ok' }), { message: /lacks/ })
  await t.rejects(run('http', address, { path: '/endless', body: 'ok' }), { message: /lacks/ })
  t.equal(
    await run('http', address, { path: '/endless' }),
    'status 200',
    'an endless body that nobody asks for'
  )
})

t.test('http: garbage and silence fail, a unix socket works', async (t) => {
  const garbage = await listen(
    t,
    net.createServer((socket) => socket.end('SSH-2.0-OpenSSH\r\n'))
  )
  await t.rejects(run('http', garbage))
  const silent = await listen(t, net.createServer())
  const abort = new AbortController()
  const config = probeConfig({ type: 'http' })
  setTimeout(() => abort.abort(new Error('enough')), 30)
  await t.rejects(probes.http({ address: silent, config, tls: undefined }, abort.signal), {
    message: 'enough'
  })

  const directory = await mkdtemp(join(tmpdir(), 'lb-probe-'))
  t.teardown(() => rm(directory, { recursive: true }))
  const path = join(directory, 'app.sock')
  const server = http.createServer((_request, response) => response.end('ok'))
  await new Promise<void>((resolve) => server.listen(path, resolve))
  t.teardown(() => new Promise((resolve) => server.close(resolve)))
  t.equal(await run('http', { kind: 'unix', path, text: `unix:${path}` }), 'status 200')
})

t.test('https and tls: the certificate is checked unless verify is false', async (t) => {
  const address = await listen(
    t,
    https.createServer({ cert, key }, (_request, response) => response.end('ok'))
  )
  for (const type of ['https', 'tls'] as const) {
    await t.rejects(run(type, address), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' })
    t.ok(await run(type, address, { verify: false }))
    const directory = await mkdtemp(join(tmpdir(), 'lb-probe-'))
    t.teardown(() => rm(directory, { recursive: true }))
    const ca = join(directory, 'ca.pem')
    await writeFile(ca, cert)
    t.ok(await run(type, address, {}, { ca, serverName: 'probe.test', verify: true }))
    await t.rejects(run(type, address, {}, { ca, serverName: 'other.test', verify: true }), {
      code: 'ERR_TLS_CERT_ALTNAME_INVALID'
    })
  }
  await t.rejects(
    run(
      'tls',
      await listen(
        t,
        net.createServer((socket) => socket.end('plain'))
      )
    )
  )
})

t.test('http over HTTP/2: status and body are looked at, in clear text and over TLS', async (t) => {
  const answer = (request: http2.Http2ServerRequest, response: http2.Http2ServerResponse): void => {
    response.statusCode = request.url === '/down' ? 503 : 200
    response.end(`${request.method} ${request.headers['x-probe']} fine`)
  }
  const clear = await listen(t, http2.createServer(answer) as unknown as net.Server)
  const headers = { 'X-Probe': 'yes' }
  t.equal(await run('http', clear, { http2: true, path: '/up', headers, body: 'yes fine' }), 'status 200')
  await t.rejects(run('http', clear, { http2: true, path: '/down' }), { message: 'status 503' })
  await t.rejects(run('http', clear, { http2: true, body: 'other' }), { message: /the body lacks/ })
  await t.rejects(run('http', await closedPort(), { http2: true }), { code: 'ECONNREFUSED' })
  const secure = await listen(t, http2.createSecureServer({ cert, key }, answer) as unknown as net.Server)
  t.equal(await run('https', secure, { http2: true, verify: false }), 'status 200')
})

t.test('grpc: a real server is asked for the service, and only SERVING will do', async (t) => {
  const statuses: Record<string, number> = { '': 1, 'api.Health': 1, 'api.Down': 2 }
  const server = new Server()
  server.addService(healthService, {
    check(call: { request: { service: string } }, reply: (error: object | null, response?: number) => void) {
      const status = statuses[call.request.service]
      if (status === undefined) reply({ code: 5, details: 'unknown service' })
      else reply(null, status)
    }
  })
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error)
    )
  )
  t.teardown(() => server.forceShutdown())
  t.equal(await run('grpc', at(port)), 'SERVING')
  t.equal(await run('grpc', at(port), { service: 'api.Health' }), 'SERVING')
  await t.rejects(run('grpc', at(port), { service: 'api.Down' }), { message: 'NOT_SERVING' })
  await t.rejects(run('grpc', at(port), { service: 'api.Nobody' }), {
    message: 'grpc-status 5 unknown service'
  })
  await t.rejects(run('grpc', await closedPort()), { code: 'ECONNREFUSED' })
  const notGrpc = await listen(
    t,
    http.createServer((_request, response) => response.end('ok'))
  )
  await t.rejects(run('grpc', notGrpc))
})

t.test('grpc: an answer that is empty, cut off or no message is a failed probe', async (t) => {
  for (const body of ['', '\0\0', 'hello, world']) {
    const server = http2.createServer()
    server.on('stream', (stream) => {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' })
      stream.end(body)
    })
    const port = await listen(t, server)
    await t.rejects(run('grpc', port), { message: 'not a gRPC message' })
  }
})

t.test('grpc: messages are encoded and read as protobuf lays them out', async (t) => {
  t.same(requestFrame(''), Buffer.from([0, 0, 0, 0, 0]))
  t.same(requestFrame('a.B'), Buffer.from([0, 0, 0, 0, 5, 0x0a, 3, 0x61, 0x2e, 0x42]))
  t.equal(requestFrame('x'.repeat(300)).length, 5 + 3 + 300)
  t.equal(servingStatus(Buffer.from([0, 0, 0, 0, 0])), 0)
  t.equal(servingStatus(Buffer.from([0, 0, 0, 0, 2, 8, 1])), 1)
  t.throws(() => servingStatus(Buffer.from([1, 0, 0, 0, 2, 8, 1])), 'compressed')
  t.throws(() => servingStatus(Buffer.alloc(3)))
})

const redis = await promisify(execFile)('redis-server', ['--version']).then(
  () => false as const,
  () => 'redis-server is not installed'
)

t.test('tcp: a real Redis answers PING', { skip: redis }, async (t) => {
  const { address: where } = { address: await closedPort() }
  const port = (where as { port: number }).port
  const server = spawn(
    'redis-server',
    ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--daemonize', 'no'],
    {
      stdio: ['ignore', 'pipe', 'ignore']
    }
  )
  t.teardown(() => server.kill())
  await new Promise<void>((resolve, reject) => {
    server.on('error', reject)
    server.on('exit', () => reject(new Error('redis-server ended')))
    server.stdout.on('data', (data: Buffer) => data.includes('Ready to accept') && resolve())
  })
  t.match(await run('tcp', at(port), { send: 'PING\r\n', expect: '+PONG' }), /\+PONG/)
  await t.rejects(run('tcp', at(port), { send: 'NONSENSE\r\nQUIT\r\n', expect: '+PONG' }), { message: /ERR/ })
})

// grpc.health.v1 without a .proto file: the messages are one field each, written by hand.
const healthService = {
  check: {
    path: '/grpc.health.v1.Health/Check',
    requestStream: false,
    responseStream: false,
    requestSerialize: (value: string) => Buffer.from(value),
    requestDeserialize: (bytes: Buffer) => ({ service: bytes.subarray(2).toString() }),
    responseSerialize: (status: number) => Buffer.from([8, status]),
    responseDeserialize: (bytes: Buffer) => bytes[1]
  }
} as unknown as ServiceDefinition
