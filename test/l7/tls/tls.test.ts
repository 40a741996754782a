import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect as connectTcp, createServer, type AddressInfo, type Socket } from 'node:net'
import { connect, createSecureContext, type ConnectionOptions, type TLSSocket } from 'node:tls'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { httpOrigin, startLb, tcpOrigin, until } from '../../e2e/servers.ts'
import { testCertificates } from '../../net/certificates.ts'
import { proxyProtocolHeader } from '../../../src/net/proxy-protocol/write.ts'

const run = promisify(execFile)
const pki = testCertificates()
const ec = pki.leaf('a.test', '*.a.test')
const rsa = pki.issue({ subject: '/CN=rsa', san: 'DNS:a.test', key: 'rsa' })
const other = pki.leaf('b.test')

/** Connects with TLS; resolves once it is there. */
async function secure(t: Test, port: number, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connect({ port, host: '127.0.0.1', ca: pki.ca, servername: 'a.test', ...options })
  t.teardown(() => socket.destroy())
  await once(socket, 'secureConnect')
  socket.on('error', () => {})
  return socket
}

/** One request on a connection that then closes. */
async function get(socket: TLSSocket, path = '/'): Promise<string> {
  socket.write(`GET ${path} HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n`)
  let text = ''
  socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')))
  await once(socket, 'close')
  return text
}

function curl(port: number, ...args: string[]): Promise<{ stdout: string }> {
  const to = ['--resolve', `a.test:${port}:127.0.0.1`, '--cacert', pki.caFile, '-sS', '--max-time', '10']
  return run('curl', [...to, ...args], { maxBuffer: 1 << 24 })
}

async function start(t: Test, listener: object, workers = 0) {
  const origin = await httpOrigin(t, 'web', (request, response) => {
    if (request.url === '/big') return void response.end(Buffer.alloc(3 << 20, 'b'))
    let bytes = 0
    request.on('data', (chunk: Buffer) => (bytes += chunk.length))
    request.on('end', () => response.end(JSON.stringify({ ...request.headers, bytes })))
  })
  const lb = await startLb(t, {
    workers,
    listeners: [{ name: 'web', bind: '127.0.0.1:0', mode: 'l7', pool: 'web', ...listener }],
    pools: { web: { backends: [origin.address] } }
  })
  return { lb, origin, port: lb.port('web') }
}

const certificates = [ec.files, rsa.files, other.files]

t.test('HTTPS: the certificate by name and by kind of key, and requests as in clear text', async (t) => {
  const { lb, port } = await start(t, { tls: { certificates } })

  for (const [servername, subject, sigalgs] of [
    ['a.test', 'a.test', undefined],
    ['x.a.test', 'a.test', undefined],
    ['A.TEST', 'a.test', undefined],
    ['b.test', 'b.test', undefined],
    ['x.y.a.test', 'a.test', undefined],
    ['', 'a.test', undefined],
    ['a.test', 'rsa', 'rsa_pss_rsae_sha256']
  ] as const) {
    const socket = await secure(t, port, { servername, sigalgs, checkServerIdentity: () => undefined })
    t.equal(socket.getPeerCertificate().subject.CN, subject, `${servername} ${sigalgs}`)
    socket.destroy()
  }

  const socket = await secure(t, port, { ALPNProtocols: ['h3', 'http/1.1'] })
  t.equal(socket.alpnProtocol, 'http/1.1')
  t.match(await get(socket), /^HTTP\/1\.1 200 [\s\S]*"x-forwarded-proto":"https"/)

  t.test('curl: kept connections, a download and an upload, whole', async (t) => {
    const url = `https://a.test:${port}`
    const twice = await curl(port, `${url}/1`, `${url}/2`, '-w', '%{num_connects} ')
    t.match(twice.stdout, /}1 .*}0 /)
    t.equal((await curl(port, `${url}/big`)).stdout.length, 3 << 20)
    const upload = spawn('curl', [
      ...['--resolve', `a.test:${port}:127.0.0.1`, '--cacert', pki.caFile, '-sS', '-T', '-', url]
    ])
    let answer = ''
    upload.stdout.on('data', (chunk: Buffer) => (answer += chunk.toString()))
    upload.stdin.end(Buffer.alloc(5_000_000, 'u'))
    await once(upload, 'close')
    t.match(JSON.parse(answer), { bytes: 5_000_000 })
  })

  t.test('TLS 1.2 and 1.3 are spoken, nothing older, and no cipher without authentication', async (t) => {
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      const socket = await secure(t, port, { minVersion: version, maxVersion: version })
      t.equal(socket.getProtocol(), version)
      socket.destroy()
    }
    const old = ['-tls1_1', '-cipher', 'ALL:@SECLEVEL=0', '-connect', `127.0.0.1:${port}`]
    await t.rejects(run('openssl', ['s_client', ...old]))
    await t.rejects(secure(t, port, { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-SHA256' }))
    await t.rejects(secure(t, port, { maxVersion: 'TLSv1.2', ciphers: 'AES128-GCM-SHA256' }))
    await t.rejects(secure(t, port, { ALPNProtocols: ['h3'] }), { code: /ALERT_NO_APPLICATION_PROTOCOL/ })
  })

  t.test('a renegotiation is refused', async (t) => {
    const args = ['s_client', '-connect', `127.0.0.1:${port}`, '-tls1_2', '-servername', 'a.test']
    const client = spawn('openssl', args)
    let output = ''
    for (const stream of [client.stdout, client.stderr]) {
      stream.on('data', (chunk: Buffer) => (output += chunk.toString()))
    }
    await until(() => output.includes('Verify return code'), 'connected')
    client.stdin.write('R\n')
    await until(() => /no renegotiation/i.test(output), 'refused')
    client.kill()
    t.pass()
  })

  t.test('a request in clear text gets the answer that the port speaks HTTPS', async (t) => {
    const { stdout } = await run('curl', ['-sS', '-i', `http://127.0.0.1:${port}/`])
    t.match(stdout, /^HTTP\/1\.1 400 Bad Request[\s\S]*this port speaks https \(LB_CLEAR_TEXT\)/)
    const metrics = lb.running.metrics()
    t.match(
      metrics,
      /^lb_responses_total\{listener="\w+",route="",class="4xx"\} 1$/m,
      'counted as a response'
    )
    t.match(metrics, /^lb_requests_total\{listener="\w+",route=""\} 1$/m, 'and as a request')
    const garbage = connectTcp(port, '127.0.0.1')
    garbage.write('\x00\x01\x02 nothing')
    garbage.on('error', () => {})
    await once(garbage, 'close')
  })

  t.test('a client that breaks off in the handshake leaves nothing behind', async () => {
    const held = async (count: number) => {
      for (;;) {
        const [listener] = await lb.running.planes.connections()
        if (listener?.connections === count) return
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
    }
    await held(0)
    const silent = connectTcp(port, '127.0.0.1')
    await once(silent, 'connect')
    const half = connectTcp(port, '127.0.0.1')
    half.write(Buffer.from([22, 3, 1, 2, 0, 1, 0, 1]))
    await held(2)
    silent.destroy()
    half.resetAndDestroy()
    await held(0)
  })

  t.test('and all of it is counted', async (t) => {
    const metrics = lb.running.metrics()
    const has = (series: string) => t.ok(metrics.includes(`\n${series} `), series)
    has('lb_tls_handshakes_total{listener="web",version="TLSv1.3",resumed="false"}')
    for (const reason of ['version', 'cipher', 'alpn', 'http', 'not-tls', 'client-gone']) {
      has(`lb_tls_handshake_failures_total{listener="web",reason="${reason}"}`)
    }
  })
})

t.test('a handshake that takes too long is given up, and shutdown does not wait for one', async (t) => {
  const { lb, port } = await start(t, { tls: { certificates }, timeouts: { handshake: '200ms' } })
  const slow = connectTcp(port, '127.0.0.1')
  slow.write(Buffer.from([22, 3, 1]))
  slow.on('error', () => {})
  await once(slow, 'close')
  t.match(lb.running.metrics(), /lb_tls_handshake_failures_total\{listener="web",reason="timeout"\} 1/)
})

t.test(
  'a session begun in one worker is resumed in the other, each time by the ticket of the time before',
  async (t) => {
    const { port } = await start(t, { tls: { certificates: [ec.files] } }, 2)
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      const options = { minVersion: version, maxVersion: version }
      let session: Buffer | undefined
      let resumed = 0
      for (let i = 0; i < 30; i++) {
        const socket = connect({
          port,
          host: '127.0.0.1',
          ca: pki.ca,
          servername: 'a.test',
          ...options,
          session
        })
        // A client of TLS 1.3 uses a ticket once; in TLS 1.2 the first ticket serves all.
        if (version === 'TLSv1.3') session = undefined
        socket.on('session', (ticket: Buffer) => (session = ticket))
        await once(socket, 'secureConnect')
        if (socket.isSessionReused()) resumed++
        await get(socket)
      }
      t.equal(resumed, 29, version)
    }
  }
)

t.test(
  'a client that asks for an address, which SNI cannot carry, gets the certificate of that address',
  async (t) => {
    const v4 = pki.issue({ subject: '/CN=v4', san: 'IP:127.0.0.1,IP:::1' })
    const elsewhere = pki.issue({ subject: '/CN=elsewhere', san: 'IP:192.0.2.1' })
    const tls = { certificates: [...certificates, elsewhere.files, v4.files] }
    const { port } = await start(t, { tls })
    const shown = async (at: number, options: ConnectionOptions): Promise<unknown> => {
      const socket = await secure(t, at, { checkServerIdentity: () => undefined, ...options })
      const { subject } = socket.getPeerCertificate()
      socket.destroy()
      return subject.CN
    }
    t.equal(await shown(port, { servername: '' }), 'v4', 'by the address that was connected to')
    t.equal(await shown(port, { servername: 'b.test' }), 'b.test', 'a name goes first')
    t.equal(await shown(port, { servername: 'unknown.test' }), 'a.test', 'an unknown name gets the first')
    const six = await start(t, { bind: '[::1]:0', tls })
    t.equal(
      await shown(six.port, { servername: '', host: '::1' }),
      'v4',
      'IPv6, which certificates write otherwise'
    )
  }
)

t.test('the PROXY header comes before TLS', async (t) => {
  const { port } = await start(t, { tls: { certificates }, proxyProtocol: { trusted: ['127.0.0.1'] } })
  const raw = connectTcp(port, '127.0.0.1')
  const ends = [
    { address: '2001:db8::7', port: 1 },
    { address: '2001:db8::8', port: 443 }
  ] as const
  raw.write(proxyProtocolHeader('v2', ...ends))
  const socket = connect({ socket: raw, servername: 'a.test', ca: pki.ca })
  await once(socket, 'secureConnect')
  t.match(await get(socket), /"x-forwarded-for":"2001:db8::7"/)
})

t.test('a WebSocket goes through TLS', async (t) => {
  const echo = await tcpOrigin(t, (socket) => {
    socket.once('data', () => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
      socket.pipe(socket)
    })
  })
  const lb = await startLb(t, {
    workers: 0,
    listeners: [{ name: 'web', bind: '127.0.0.1:0', mode: 'l7', pool: 'web', tls: { certificates } }],
    pools: { web: { backends: [echo.address] } }
  })
  const socket = await secure(t, lb.port('web'))
  socket.write('GET / HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
  let text = ''
  socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')))
  await until(() => text.includes('\r\n\r\n'), 'upgraded')
  text = ''
  const sent = 'y'.repeat(500_000)
  socket.write(sent)
  await until(() => text.length === sent.length, 'echoed')
  t.equal(text, sent)
})

/** The ClientHello that Node writes with these groups, a key share for each that it prefers. */
async function helloWith(t: Test, ecdhCurve: string): Promise<Buffer> {
  const server = createServer().listen(0, '127.0.0.1')
  t.teardown(() => server.close())
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const client = connect({ port, host: '127.0.0.1', servername: 'a.test', ecdhCurve, minVersion: 'TLSv1.3' })
  client.on('error', () => {})
  const [socket] = (await once(server, 'connection')) as [Socket]
  socket.on('error', () => {})
  const [hello] = (await once(socket, 'data')) as [Buffer]
  socket.destroy()
  client.destroy()
  return hello
}

/** The group of key_share in a ServerHello or HelloRetryRequest (RFC 8446 §4.2.8). */
function groupOf(answer: Buffer): number | undefined {
  const sessionId = 5 + 4 + 2 + 32
  let at = sessionId + 1 + answer[sessionId]! + 2 + 1
  const end = at + 2 + answer.readUInt16BE(at)
  for (at += 2; at < end; at += 4 + answer.readUInt16BE(at + 2))
    if (answer.readUInt16BE(at) === 51) return answer.readUInt16BE(at + 4)
  return undefined
}

const POST_QUANTUM = 'X25519MLKEM768'
const isKnown = (ecdhCurve: string): boolean => {
  try {
    return createSecureContext({ ecdhCurve }) !== undefined
  } catch {
    return false
  }
}

/** The random of a HelloRetryRequest begins with it (RFC 8446 §4.1.3). */
const RETRY = 'cf21ad74'

t.test(
  'the post-quantum group is chosen before all others; of those, the one that the client has sent a share for',
  { skip: !isKnown(POST_QUANTUM) && `OpenSSL does not know ${POST_QUANTUM}` },
  async (t) => {
    const { port } = await start(t, { tls: { certificates: [ec.files] } })
    for (const [groups, chosen, again] of [
      [POST_QUANTUM, 0x11ec, false],
      [`*X25519/*${POST_QUANTUM}`, 0x11ec, false],
      [`X25519:${POST_QUANTUM}`, 0x11ec, true],
      ['X25519', 0x001d, false],
      ['P-256:X25519', 0x0017, false],
      ['P-384', 0x0018, false]
    ] as const) {
      const socket = connectTcp(port, '127.0.0.1')
      t.teardown(() => socket.destroy())
      socket.on('error', () => {})
      socket.write(await helloWith(t, groups))
      const [answer] = (await once(socket, 'data')) as [Buffer]
      t.equal(groupOf(answer), chosen, groups)
      t.equal(answer.toString('hex', 11, 15) === RETRY, again, `${groups}: asked again`)
    }
  }
)
