import { createServer as createHttps } from 'node:https'
import type { AddressInfo } from 'node:net'
import { connect, createSecureServer, type ClientHttp2Session, type IncomingHttpHeaders } from 'node:http2'
import { once } from 'node:events'
import { connect as connectTls } from 'node:tls'
import t, { type Test } from 'tap'
import { testCertificates } from '../net/certificates.ts'
import { httpOrigin, startLb } from './servers.ts'

// HTTP/2 through the whole of lb, with its workers: by ALPN over TLS, and in clear text.

function clientOf(t: Test, url: string): ClientHttp2Session {
  const client = connect(url, { rejectUnauthorized: false })
  client.on('error', () => {})
  t.teardown(() => client.destroy())
  return client
}

async function ask(client: ClientHttp2Session, path: string): Promise<{ status: unknown; body: string }> {
  const stream = client.request({ ':path': path })
  let head: IncomingHttpHeaders = {}
  let body = ''
  stream.on('response', (got) => (head = got))
  stream.setEncoding('latin1').on('data', (chunk: string) => (body += chunk))
  await once(stream, 'close')
  return { status: head[':status'], body }
}

t.test('HTTP/2 by ALPN over TLS, HTTP/1.1 where that is agreed on, and a reload on the way', async (t) => {
  const big = 'x'.repeat(1_000_000)
  const origin = await httpOrigin(t, 'a', (request, response) =>
    response.end(request.url === '/big' ? big : 'hello')
  )
  const config = (name: string): object => ({
    workers: 1,
    listeners: [
      {
        name: 'tls',
        bind: '127.0.0.1:0',
        mode: 'l7',
        tls: { selfSigned: true },
        protocols: ['h2', 'http/1.1'],
        pool: 'web'
      },
      { name, bind: '127.0.0.1:0', mode: 'l7', protocols: ['h2'], pool: 'web' }
    ],
    pools: { web: { backends: [origin.address] } }
  })
  const lb = await startLb(t, config('clear'))
  const port = lb.port('tls')
  const secure = clientOf(t, `https://127.0.0.1:${port}`)
  const answers = await Promise.all(
    Array.from({ length: 20 }, async (_, i) => ask(secure, i % 2 === 0 ? '/big' : '/'))
  )
  answers.forEach(({ status, body }, i) => {
    t.equal(status, 200)
    t.equal(body.length, i % 2 === 0 ? big.length : 5)
  })
  t.equal(secure.alpnProtocol, 'h2')
  const old = connectTls({ port, host: '127.0.0.1', ALPNProtocols: ['http/1.1'], rejectUnauthorized: false })
  old.on('error', () => {})
  let text = ''
  old.setEncoding('latin1').on('data', (chunk: string) => (text += chunk))
  old.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
  await once(old, 'close')
  t.match(text, /^HTTP\/1\.1 200 OK[^]*hello$/)
  const clear = clientOf(t, `http://127.0.0.1:${lb.port('clear')}`)
  t.match(await ask(clear, '/'), { status: 200, body: 'hello' })

  const closed = once(clear, 'close')
  await lb.apply(config('other'))
  t.match(await ask(secure, '/'), { status: 200, body: 'hello' }, 'the connection outlives a reload')
  await closed
})

t.test('HTTP/2 over TLS to a backend, and one that does not agree on it', async (t) => {
  const { cert, key } = testCertificates().leaf('localhost')
  const server = createSecureServer({ cert, key }, (request, response) => {
    response.end(`${request.httpVersion} ${request.headers[':authority']}`)
  })
  server.listen(0, '127.0.0.1')
  const old = createHttps({ cert, key }, (_, response) => response.end('1.1')).listen(0, '127.0.0.1')
  await Promise.all([once(server, 'listening'), once(old, 'listening')])
  t.teardown(() => {
    server.close()
    old.close()
    old.closeAllConnections()
  })
  const address = (of: { address(): unknown }): string => `127.0.0.1:${(of.address() as AddressInfo).port}`
  const pool = { protocol: 'h2', tls: { verify: false }, retry: { attempts: 0 } }
  const lb = await startLb(t, {
    workers: 1,
    listeners: [
      { name: 'good', bind: '127.0.0.1:0', mode: 'l7', pool: 'good' },
      { name: 'old', bind: '127.0.0.1:0', mode: 'l7', pool: 'old' }
    ],
    pools: { good: { ...pool, backends: [address(server)] }, old: { ...pool, backends: [address(old)] } }
  })
  for (let i = 0; i < 3; i++) {
    const response = await fetch(`http://127.0.0.1:${lb.port('good')}/`)
    t.match(await response.text(), /^2\.0 127\.0\.0\.1:/)
  }
  t.equal((await fetch(`http://127.0.0.1:${lb.port('old')}/`)).status, 502)
})
