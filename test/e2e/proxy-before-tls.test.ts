import { createServer, connect, type AddressInfo, type Socket } from 'node:net'
import { once } from 'node:events'
import { createSecureContext, TLSSocket } from 'node:tls'
import t, { type Test } from 'tap'
import { configure, start } from '../../src/index.ts'
import { selfSignedCertificate } from '../../src/net/tls/certificates/make-certificate.ts'

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
