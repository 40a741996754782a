import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { once } from 'node:events'
import { connect as connectTcp } from 'node:net'
import { connect, type ConnectionOptions } from 'node:tls'
import t, { type Test } from 'tap'
import { startLb } from '../../e2e/servers.ts'
import { memoryLogger } from '../../fakes/memory-logger.ts'
import { eventually } from '../../l4/sockets.ts'
import { testCertificates } from '../../net/certificates.ts'
import { rawTls } from '../../../src/net/tls/raw-tls.ts'

const run = promisify(execFile)
const pki = testCertificates()
const strangers = testCertificates()
const HELLO_OF_SSL2 = Buffer.from('16030100050100000100', 'hex')

async function fails(t: Test, port: number, options: ConnectionOptions): Promise<void> {
  const all = { port, host: '127.0.0.1', ca: pki.ca, servername: 'a.test', ...options }
  const socket = connect(all)
  t.teardown(() => socket.destroy())
  socket.on('error', () => {})
  socket.on('secureConnect', () => socket.write('x'))
  socket.resume()
  await once(socket, 'close').catch(() => {})
}

/** Node's clients say nothing. */
async function distrusts(port: number): Promise<void> {
  const args = ['-connect', `127.0.0.1:${port}`, '-servername', 'a.test', '-verify_return_error']
  await run('openssl', ['s_client', ...args, '-CAfile', strangers.caFile]).catch(() => {})
}

async function sends(t: Test, port: number, bytes: Buffer | undefined): Promise<void> {
  const socket = connectTcp({ port, host: '127.0.0.1' })
  socket.on('error', () => {})
  t.teardown(() => socket.destroy())
  await once(socket, 'connect').catch(() => {})
  if (bytes === undefined) return void socket.end()
  socket.write(bytes)
  socket.resume()
  await once(socket, 'close').catch(() => {})
}

const tls = { certificates: [pki.leaf('a.test').files], minVersion: 'TLSv1.3' }
const common = { bind: '127.0.0.1:0', pool: 'web' }

for (const mode of ['l7', 'l4'] as const) {
  t.test(`a failed handshake is a line in words, with address and name: ${mode}`, async (t) => {
    // At debug nothing is left out.
    const log = memoryLogger('info')
    const told = (listener: string) =>
      log.lines.filter(
        ({ fields }) => fields['code'] === 'LB_TLS_HANDSHAKE' && fields['listener'] === listener
      )
    const lb = await startLb(
      t,
      {
        workers: 0,
        listeners: [
          { ...common, name: 'web', mode, tls, ...(mode === 'l7' && { protocols: ['http/1.1'] }) },
          { ...common, name: 'mutual', mode, tls: { ...tls, clientAuth: { ca: pki.caFile } } }
        ],
        pools: { web: { backends: ['127.0.0.1:1'] } }
      },
      { log }
    )
    const port = lb.port('web')
    const cases: [failure: string, RegExp, serverName: string | undefined, () => Promise<void>][] = [
      ['version', /^no version of TLS in common, see minVersion \(.*protocol.*\)$/, 'a.test',
        () => fails(t, port, { maxVersion: 'TLSv1.2' })],
      ['cipher', /^no cipher, curve or kind of signature in common, see ciphers \(.*\)$/, 'a.test',
        () => fails(t, port, { ecdhCurve: 'P-521' })],
      ['client-gone', /^the client left in the handshake without a word, as those do that/, 'a.test',
        () => fails(t, port, { ca: strangers.ca })],
      ['refused-by-client', /^the client ended it \(.*unknown ca\)$/, 'a.test', () => distrusts(port)],
      ['protocol', /^what the client sent is no handshake of TLS \(.+\)$/, undefined,
        () => sends(t, port, HELLO_OF_SSL2)],
      ['not-tls', /^the client does not speak TLS \(no TLS\)$/, undefined,
        () => sends(t, port, Buffer.from('SSH-2.0-OpenSSH_9.2\r\n'))],
      ['client-certificate', /^the client's certificate is not accepted \(.*did not return a certificate\)$/, 'a.test',
        () => fails(t, lb.port('mutual'), {})]
    ] // prettier-ignore
    if (mode === 'l7')
      cases.push(['alpn', /^no protocol in common \(ALPN\), see protocols \(.*\)$/, 'a.test',
        () => fails(t, port, { ALPNProtocols: ['h2'] })]) // prettier-ignore
    for (const [failure, words, serverName, act] of cases) {
      const listener = failure === 'client-certificate' ? 'mutual' : 'web'
      // TLSSockets answer it.
      if (listener === 'mutual' && mode === 'l7' && rawTls === undefined) continue
      const before = told(listener).length
      await act()
      await eventually(() => told(listener).length > before)
      const { message, fields } = told(listener).at(-1)!
      t.equal(message, 'tls handshake failed')
      t.match(fields, { reason: 'tls', client: /^127\.0\.0\.1:\d+$/, cause: words }, failure)
      t.equal(fields['serverName'], serverName, failure)
      if (mode === 'l7') t.equal(fields['failure'], failure)
    }

    t.test('one that only looks whether the port is open is none', async (t) => {
      const before = told('web').length
      for (let n = 0; n < 3; n++) await sends(t, port, undefined)
      const count = /lb_tls_handshake_failures_total\{listener="web",reason="client-gone"\} 3\n/
      await eventually(() => count.test(lb.running.metrics()))
      t.equal(told('web').length, before)
    })

    t.test('a flood of them is a few lines, and how many there were', async (t) => {
      const before = told('web').length
      for (let n = 0; n < 40; n++) await sends(t, port, Buffer.from([1]))
      const last = () => told('web').at(-1)?.fields['suppressed']
      await eventually(() => last() !== undefined)
      const lines = told('web').slice(before)
      const left = lines.reduce((sum, { fields }) => sum + Number(fields['suppressed'] ?? 0), 0)
      const one = lines.filter(({ fields }) => fields['suppressed'] === undefined).length
      t.equal(one + left, 40)
      t.ok(left > 0)
    })
  })
}

t.test('an address that is not allowed is told on l7 too', async (t) => {
  const lb = await startLb(t, {
    workers: 0,
    listeners: [{ ...common, name: 'web', mode: 'l7', deny: ['127.0.0.1'] }],
    pools: { web: { backends: ['127.0.0.1:1'] } }
  })
  await sends(t, lb.port('web'), Buffer.from('GET / HTTP/1.1\r\n\r\n'))
  const line = () => lb.lines.find(({ fields }) => fields['code'] === 'LB_DENIED')
  await eventually(() => line() !== undefined)
  t.match(line(), {
    level: 'info',
    message: 'address not allowed',
    fields: { listener: 'web', reason: 'denied', client: /^127\.0\.0\.1:\d+$/ }
  })
})
