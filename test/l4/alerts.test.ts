import { connect, type ConnectionOptions } from 'node:tls'
import { connect as connectTcp } from 'node:net'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { startLb, tcpOrigin } from '../e2e/servers.ts'
import { testCertificates } from '../net/certificates.ts'

const pki = testCertificates()
const strangers = testCertificates()
const server = pki.leaf('a.test')
const alice = pki.issue({ subject: '/CN=alice' })
const old = { from: '20200101000000Z', until: '20200201000000Z' }
const revoked = pki.issue({ subject: '/CN=revoked' })
const clients = {
  expired: pki.issue({ subject: '/CN=expired', ...old }),
  revoked,
  'of another authority': strangers.issue({ subject: '/CN=stranger' }),
  'for servers only': pki.issue({ subject: '/CN=server', extensions: 'extendedKeyUsage=serverAuth' }),
  none: {}
}

/** The alert that the client got, which sends `text` at once, and what it was sent. */
async function ending(t: Test, options: ConnectionOptions, text: Buffer | string): Promise<string> {
  const socket = connect({ host: '127.0.0.1', ca: pki.ca, servername: 'a.test', ...options })
  t.teardown(() => socket.destroy())
  let seen = ''
  socket.on('error', (error: Error) => (seen ||= alertIn(error.message)))
  socket.on('data', (chunk: Buffer) => (seen ||= chunk.toString()))
  socket.write(text)
  await new Promise((resolve) => socket.once('close', resolve))
  return seen
}

/** What OpenSSL says of an alert that it has received. */
function alertIn(message: string): string {
  return /SSL alert number \d+/.exec(message)?.[0] ?? message
}

/** An alert in clear text: level and description. */
async function alertTo(port: number, hello: Buffer): Promise<readonly number[]> {
  const socket = connectTcp(port, '127.0.0.1')
  socket.on('error', () => {})
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  socket.end(hello)
  await once(socket, 'close')
  return [...Buffer.concat(chunks)]
}

t.test('every refusal of a handshake has its alert', async (t) => {
  const backend = await tcpOrigin(t, (socket) => void socket.end('secret'))
  const crl = join(t.testdir({}), 'clients.crl')
  writeFileSync(crl, pki.crl(revoked))
  const listener = (name: string, tls: object, more: object = {}): object => ({
    ...{ name, bind: '127.0.0.1:0', mode: 'l4', pool: 'p', ...more },
    tls: { certificates: [server.files], ...tls }
  })
  const lb = await startLb(t, {
    workers: 0,
    listeners: [
      listener('mutual', { clientAuth: { ca: pki.caFile, crl } }),
      listener('modern', { minVersion: 'TLSv1.3' }),
      listener('ciphers', { ciphers: 'ECDHE-ECDSA-AES256-GCM-SHA384' }),
      listener('alpn', {}, { mode: 'l7' })
    ],
    pools: { p: { backends: [backend.address] } }
  })

  t.test('of client certificates', async (t) => {
    const port = lb.port('mutual')
    const alerts = {
      expired: 'SSL alert number 45',
      revoked: 'SSL alert number 44',
      'of another authority': 'SSL alert number 48',
      'for servers only': 'SSL alert number 43'
    }
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      const missing = version === 'TLSv1.3' ? 'SSL alert number 116' : 'SSL alert number 40'
      for (const [who, alert] of Object.entries({ ...alerts, none: missing })) {
        // What a client of TLS 1.3 sends before it hears of the alert must not take the alert away from it.
        for (const text of ['hello', Buffer.alloc(100_000)]) {
          const options = { port, minVersion: version, maxVersion: version, ...clients[who as 'none'] }
          t.equal(await ending(t, options, text), alert, `${who}, ${version}, ${text.length} bytes`)
        }
      }
    }
    for (const ciphers of ['TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256']) {
      const options = { port, ciphers, minVersion: 'TLSv1.3' as const, ...clients.revoked }
      t.equal(await ending(t, options, 'hello'), 'SSL alert number 44', ciphers)
    }
    t.equal(await ending(t, { port, ...alice }, 'hello'), 'secret')
    t.match(
      lb.lines
        .filter(({ fields }) => fields['code'] === 'LB_TLS_HANDSHAKE')
        .map(({ fields }) => fields['cause']),
      [/not accepted \(certificate has expired\)$/]
    )
    t.match(
      lb.running.metrics(),
      /lb_tls_handshake_failures_total\{listener="mutual",reason="client-certificate"\} 22\n/
    )
  })

  t.test('of versions, ciphers and protocols', async (t) => {
    const cases: readonly (readonly [string, ConnectionOptions, string])[] = [
      ['modern', { maxVersion: 'TLSv1.2' }, 'SSL alert number 70'],
      ['ciphers', { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' }, 'SSL alert number 40'],
      ['alpn', { ALPNProtocols: ['nonsense'] }, 'SSL alert number 120'],
      ['alpn', { maxVersion: 'TLSv1.2', ALPNProtocols: ['nonsense'] }, 'SSL alert number 120']
    ]
    for (const [name, options, alert] of cases)
      t.equal(await ending(t, { port: lb.port(name), ...options }, 'hello'), alert, name)
    const broken = Buffer.from('16030100050100000100', 'hex')
    for (const name of ['mutual', 'alpn'])
      t.strictSame((await alertTo(lb.port(name), broken)).slice(5), [2, 50], `${name}: decode_error`)
  })
})
