import { createServer, connect, type AddressInfo, type Socket } from 'node:net'
import { once } from 'node:events'
import { connect as tlsConnect, createSecureContext, TLSSocket } from 'node:tls'
import t, { type Test } from 'tap'
import { configure, start } from '../../src/index.ts'
import { readTlvs } from '../../src/net/proxy-protocol/tlvs.ts'
import { selfSignedCertificate } from '../../src/net/tls/certificates/make-certificate.ts'
import { testCertificates } from '../net/certificates.ts'
import { startLb, tcpOrigin } from './servers.ts'

/** A server that reads a PROXY v1 line, then TLS, then a line of text, and answers with all three. */
async function server(t: Test): Promise<number> {
  const { cert, key } = await selfSignedCertificate(['localhost'], Date.now())
  const secureContext = createSecureContext({ cert, key })
  const sockets = new Set<Socket>()
  const listening = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('readable', () => {
      const first: Buffer = socket.read()
      const end = first.indexOf('\r\n')
      const line = first.subarray(0, end).toString()
      socket.unshift(first.subarray(end + 2))
      const secure = new TLSSocket(socket, { isServer: true, secureContext })
      secure.on('error', () => {})
      secure.once('data', (text: Buffer) => {
        const body = `${line}|${secure.getProtocol()}|${text.toString().split('\r\n')[0]}`
        secure.end(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`)
      })
    })
  }).listen(0, '127.0.0.1')
  await once(listening, 'listening')
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    listening.close()
  })
  return (listening.address() as AddressInfo).port
}

t.test('a PROXY header goes out before the handshake with the backend, on both layers', async (t) => {
  const port = await server(t)
  const lb = await start(
    configure({
      workers: 0,
      log: { level: 'silent' },
      listeners: [
        { name: 'http', bind: '127.0.0.1:0', mode: 'l7', pool: 'a' },
        { name: 'tcp', bind: '127.0.0.1:0', mode: 'l4', pool: 'b' }
      ],
      pools: {
        a: { backends: [`127.0.0.1:${port}`], proxyProtocol: 'v1', tls: { verify: false } },
        b: { backends: [`127.0.0.1:${port}`], proxyProtocol: 'v1', tls: { verify: false } }
      }
    })
  )
  t.teardown(() => lb.kill())
  const [http, tcp] = lb.addresses
  t.match(
    await (await fetch(`http://${http!.address}/x`)).text(),
    /^PROXY TCP4 127\.0\.0\.1 127\.0\.0\.1 \d+ \d+\|TLSv1\.3\|GET \/x HTTP\/1\.1$/
  )
  const client = connect(tcp!.port!, tcp!.host)
  client.write('hello\r\n')
  let text = ''
  client.on('data', (chunk: Buffer) => (text += chunk.toString()))
  await once(client, 'close')
  t.match(text, /PROXY TCP4 127\.0\.0\.1 127\.0\.0\.1 \d+ \d+\|TLSv1\.3\|hello$/)
})

/** Of a v2 header over IPv4: the fields of PP2_TYPE_SSL, and what the reader of others' headers says. */
function told(bytes: Buffer) {
  const end = 16 + bytes.readUInt16BE(14)
  const common = readTlvs(bytes, 0, 28, end)
  for (let at = 28; at < end; at += 3 + bytes.readUInt16BE(at + 1)) {
    if (bytes[at] !== 0x20) continue
    const last = at + 3 + bytes.readUInt16BE(at + 1)
    const texts = new Map<number, string>()
    for (let sub = at + 8; sub < last; sub += 3 + bytes.readUInt16BE(sub + 1))
      texts.set(bytes[sub]!, bytes.toString('utf8', sub + 3, sub + 3 + bytes.readUInt16BE(sub + 1)))
    return {
      common,
      flags: bytes[at + 3],
      verify: bytes.readUInt32BE(at + 4),
      version: texts.get(0x21),
      name: texts.get(0x22),
      cipher: texts.get(0x23)
    }
  }
  return { common, flags: undefined }
}

t.test("the header names the client's terminated TLS, on both layers", async (t) => {
  const pki = testCertificates()
  const own = pki.leaf('a.test')
  const client = pki.issue({ subject: '/O=Ops/CN=Jürgen' })
  const heard: Buffer[] = []
  const backend = await tcpOrigin(t, (socket) => {
    socket.once('data', (bytes: Buffer) => {
      heard.push(bytes)
      socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n')
    })
  })
  const tls = { certificates: [own.files], clientAuth: { ca: pki.caFile, required: false } }
  const lb = await startLb(t, {
    workers: 0,
    listeners: [
      { name: 'http', bind: '127.0.0.1:0', mode: 'l7', pool: 'v2', tls },
      { name: 'tcp', bind: '127.0.0.1:0', mode: 'l4', pool: 'v2', tls },
      { name: 'clear', bind: '127.0.0.1:0', mode: 'l7', pool: 'v2' }
    ],
    pools: { v2: { backends: [backend.address], proxyProtocol: 'v2' } }
  })
  const ask = async (listener: string, options: object = {}): Promise<Buffer | undefined> => {
    const at = { port: lb.port(listener), host: '127.0.0.1' }
    const socket =
      listener === 'clear'
        ? connect(at)
        : tlsConnect({ ...at, ca: pki.ca, servername: 'a.test', ALPNProtocols: ['http/1.1'], ...options })
    let session: Buffer | undefined
    socket.on('session', (ticket: Buffer) => (session = ticket))
    socket.end('GET / HTTP/1.1\r\nHost: a.test\r\n\r\n')
    socket.resume()
    await once(socket, 'close')
    return session
  }
  const version = 'TLSv1.3'
  for (const listener of ['http', 'tcp']) {
    await ask(listener)
    t.match(
      told(heard.pop()!),
      { flags: 1, verify: 1, version, name: undefined, cipher: /^TLS_AES/ },
      listener
    )
    const session = await ask(listener, { cert: client.cert, key: client.key })
    t.match(told(heard.pop()!), {
      flags: 7,
      verify: 0,
      version,
      name: 'Jürgen',
      common: { authority: 'a.test' }
    })
    await ask(listener, { cert: client.cert, key: client.key, session })
    t.match(told(heard.pop()!), { flags: 5, verify: 0, name: 'Jürgen' }, 'by an earlier connection')
  }
  await ask('clear')
  t.equal(told(heard.pop()!).flags, undefined)
})
