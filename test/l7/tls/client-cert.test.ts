import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { get as httpGet } from 'node:http'
import { dirname, join } from 'node:path'
import { connect as connectHttp2 } from 'node:http2'
import { connect, type ConnectionOptions } from 'node:tls'
import t, { type Test } from 'tap'
import { configFromObject } from '../../../src/config/parse-config.ts'
import type { Exchange } from '../../../src/l7/exchange/exchange.ts'
import { ClientCert } from '../../../src/l7/stages/auth/client-cert/client-cert.ts'
import { clientCertSchema } from '../../../src/l7/stages/auth/client-cert/keys.ts'
import type { MethodContext } from '../../../src/l7/stages/auth/method-context.ts'
import { clientCertificate, commonName } from '../../../src/net/tls/read-facts.ts'
import { readClientAuth } from '../../../src/net/tls/listener-tls.ts'
import type { ListenerTls } from '../../../src/config/model/model.ts'
import { rawTls } from '../../../src/net/tls/raw-tls.ts'
import { ClientCertMatch } from '../../../src/l7/router/client-cert-match.ts'
import { X509Certificate } from 'node:crypto'
import { httpOrigin, startLb } from '../../e2e/servers.ts'
import { testCertificates } from '../../net/certificates.ts'

const pki = testCertificates()
const strangers = testCertificates()
const server = pki.leaf('a.test')
const alice = pki.issue({ subject: '/O=Ops/CN=alice', san: 'URI:spiffe://a.test/alice,DNS:alice.test' })
const bob = pki.issue({ subject: '/CN=bob' })
const mallory = pki.issue({ subject: '/CN=mallory' })
const revoked = pki.crl(mallory)

/** The answer to one request, or '' when there is none. */
async function ask(
  t: Test,
  port: number,
  options: ConnectionOptions,
  fields = '',
  path = '/'
): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', ca: pki.ca, servername: 'a.test', ...options })
  t.teardown(() => socket.destroy())
  let text = ''
  socket.on('error', () => {})
  socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')))
  socket.write(`GET ${path} HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n${fields}\r\n`)
  await once(socket, 'close').catch(() => {})
  return text
}

/** What comes back until the other side closes. */
async function exchange(
  t: Test,
  port: number,
  options: ConnectionOptions,
  request: string,
  onSession?: (session: Buffer) => void
): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', ca: pki.ca, servername: 'a.test', ...options })
  t.teardown(() => socket.destroy())
  let text = ''
  socket.on('error', () => {})
  if (onSession !== undefined) socket.on('session', onSession)
  socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')))
  socket.write(request)
  await once(socket, 'close').catch(() => {})
  return text
}

async function overHttp2(t: Test, port: number, options: ConnectionOptions) {
  const session = connectHttp2(`https://127.0.0.1:${port}`, { ca: pki.ca, servername: 'a.test', ...options })
  t.teardown(() => session.destroy())
  session.on('error', () => {})
  const stream = session.request({ ':path': '/', ':authority': 'a.test' })
  const [headers] = (await once(stream, 'response')) as [Record<string, number>]
  let text = ''
  for await (const chunk of stream) text += String(chunk)
  return { status: headers[':status'], text }
}

async function start(t: Test, clientAuth: object, more: object = {}) {
  const origin = await httpOrigin(t, 'web', (request, response) =>
    response.end(JSON.stringify(request.rawHeaders))
  )
  const crl = join(t.testdir({}), 'crl.pem')
  writeFileSync(crl, revoked)
  const lb = await startLb(t, {
    workers: 0,
    listeners: [
      {
        name: 'web',
        bind: '127.0.0.1:0',
        mode: 'l7',
        accessLog: true,
        tls: { certificates: [server.files], clientAuth: { ca: pki.caFile, crl, ...clientAuth } },
        ...more
      },
      { name: 'clear', bind: '127.0.0.1:0', mode: 'l7', pool: 'web' }
    ],
    pools: { web: { backends: [origin.address] } }
  })
  return { lb, port: lb.port('web') }
}

t.test('one file has the lists of several authorities, and each of them counts', async (t) => {
  const other = testCertificates('another root')
  const [carol, dave] = [other.issue({ subject: '/CN=carol' }), other.issue({ subject: '/CN=dave' })]
  const folder = dirname(other.caFile)
  writeFileSync(join(folder, 'both.pem'), `${pki.ca}${other.ca}`)
  const others = other.crl(dave)
  for (const [n, lists] of [revoked + others, others + revoked].entries()) {
    const crl = join(folder, `${n}.crl`)
    // `openssl crl -text` writes something before each.
    writeFileSync(crl, `Certificate Revocation List (CRL):\n${lists}`)
    const { port } = await start(t, { ca: join(folder, 'both.pem'), crl }, { pool: 'web' })
    for (const [who, options, status] of [
      ['bob', bob, 200],
      ['mallory', mallory, 400],
      ['carol', carol, 200],
      ['dave', dave, 400]
    ] as const)
      t.match(await ask(t, port, options), new RegExp(`^HTTP/1\\.1 ${status}`), `${who}, order ${n}`)
  }
})

t.test('a delta list, and a damaged list behind a good one, are refused', (t) => {
  const at = (text: string | Buffer) => {
    const crl = join(t.testdir({}), `${count++}.crl`)
    writeFileSync(crl, text)
    return () =>
      readClientAuth({
        clientAuth: { ca: pki.caFile, crl, required: true }
      } as Partial<ListenerTls> as ListenerTls)
  }
  let count = 0
  t.doesNotThrow(at(revoked))
  t.throws(at(pki.deltaCrl(1)), {
    message: /0\.crl|1\.crl: the revocation list is a delta list, which is not used/
  })
  t.throws(at(revoked + pki.deltaCrl(1)), { message: /revocation list 2 of the file is a delta list/ })
  t.throws(at(revoked + revoked.replace(/\n[^\n]{64}\n/, '\nAAAA\n')), {
    message: /list 2 of the file is damaged/
  })
  t.throws(at(pki.ca), { message: /holds no revocation list in PEM/ })
  const der = Buffer.from(revoked.replace(/-----[^-]+-----/g, ''), 'base64')
  t.throws(at(der), { message: /is in DER form; convert it to PEM: `openssl crl -inform der/ })
  t.end()
})

t.test('a required certificate: verified, not revoked, passed on, and not to be forged', async (t) => {
  const { lb, port } = await start(t, { forward: true }, { pool: 'web' })
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    const versions = { minVersion: version, maxVersion: version }
    const forged =
      'X-Client-Cert-Subject: CN=root\r\nx_client_cert_subject: CN=root\r\nX-Client-Cert-Verify: SUCCESS\r\n'
    const answer = await ask(t, port, { ...versions, ...alice }, forged)
    t.match(answer, /^HTTP\/1\.1 200/)
    const seen = JSON.parse(/\r\n\r\n(?:[0-9a-f]+\r\n)?(\[.*\])/.exec(answer)![1]!) as string[]
    const fields = seen.filter((_, i) => i % 2 === 0 && /client.cert/i.test(seen[i]!))
    t.same(fields.map((name) => `${name}: ${seen[seen.indexOf(name) + 1]}`).slice(0, 4), [
      'X-Client-Cert-Subject: CN=alice,O=Ops',
      'X-Client-Cert-Issuer: CN=lb test root',
      'X-Client-Cert-San: URI:spiffe://a.test/alice, DNS:alice.test',
      `X-Client-Cert-Fingerprint: ${new X509Certificate(alice.cert).fingerprint256.replaceAll(':', '').toLowerCase()}`
    ])
    t.equal(fields.length, 6)
    for (const [who, options] of [
      ['nobody', {}],
      ['revoked', mallory],
      ['a stranger', strangers.leaf('alice')]
    ] as const) {
      const answer = await ask(t, port, { ...versions, ...options })
      const told = rawTls === undefined || who !== 'nobody'
      t.match(answer, told ? /^HTTP\/1\.1 400 [^]*LB_CLIENT_CERTIFICATE/ : /^$/, `${who} ${version}`)
    }
  }
  t.match(
    lb.lines.find(({ message }) => message === 'request'),
    { fields: { clientCert: 'CN=alice,O=Ops' } }
  )
  t.match(
    lb.running.metrics(),
    /lb_tls_handshake_failures_total\{listener="web",reason="client-certificate"\} [1-9]/
  )

  t.test('nor through a listener in clear text', async (t) => {
    const headers = { 'x-client-cert-subject': 'CN=root', x_client_cert_san: 'DNS:root' }
    const request = httpGet({ port: lb.port('clear'), host: '127.0.0.1', headers })
    const [response] = (await once(request, 'response')) as [NodeJS.ReadableStream]
    let text = ''
    for await (const chunk of response) text += String(chunk)
    t.notMatch(text, /root/)
  })
})

const expired = pki.issue({ subject: '/CN=alice', from: '20200101000000Z', until: '20200201000000Z' })

t.test(
  'a client whose certificate is not accepted is told why, whatever it asks, and nothing else',
  async (t) => {
    let asked = 0
    const origin = await httpOrigin(t, 'web', (_, response) => {
      asked++
      response.end('secret')
    })
    const lb = await startLb(t, {
      workers: 0,
      listeners: [
        {
          name: 'web',
          bind: '127.0.0.1:0',
          mode: 'l7',
          accessLog: true,
          protocols: ['h2', 'http/1.1'],
          tls: { certificates: [server.files], clientAuth: { ca: pki.caFile } },
          cors: { origins: ['https://b.test'] },
          routes: [{ match: { path: '/ours' }, respond: { status: 200, body: 'secret' } }, { pool: 'web' }]
        },
        {
          name: 'l4',
          bind: '127.0.0.1:0',
          mode: 'l4',
          tls: { certificates: [server.files], clientAuth: { ca: pki.caFile } },
          pool: 'web'
        }
      ],
      pools: { web: { backends: [origin.address] } }
    })
    const port = lb.port('web')
    const stranger = strangers.leaf('alice')
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      const versions = { minVersion: version, maxVersion: version }
      const words = { expired: 'certificate has expired', stranger: 'unable to (verify|get)' }
      for (const [who, reason] of Object.entries(words)) {
        const options = { ...versions, ...(who === 'expired' ? expired : stranger) }
        const requests = [
          'GET / HTTP/1.1\r\nHost: a.test\r\n\r\nGET / HTTP/1.1\r\nHost: a.test\r\n\r\n',
          'GET /ours HTTP/1.1\r\nHost: a.test\r\n\r\n',
          'POST /ours HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\nhello',
          'OPTIONS * HTTP/1.1\r\nHost: a.test\r\nMax-Forwards: 0\r\n\r\n',
          'OPTIONS / HTTP/1.1\r\nHost: a.test\r\nOrigin: https://b.test\r\nAccess-Control-Request-Method: GET\r\n\r\n',
          'GET / HTTP/1.1\r\nHost: a.test\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n'
        ]
        for (const request of requests) {
          const answer = await exchange(t, port, options, request)
          t.match(answer, new RegExp(`^HTTP/1.1 400 [^]*accepted: ${reason}[^]*LB_CLIENT_CERTIFICATE`))
          t.notMatch(answer, /secret/)
          t.equal(answer.split('HTTP/1.1 ').length, 2, 'once')
        }
      }
      const json = await ask(t, port, { ...versions, ...expired }, 'Accept: application/json\r\n')
      t.match(
        json,
        /"code":"LB_CLIENT_CERTIFICATE","message":"client certificate not accepted: certificate has expired"/
      )
    }
    t.match(await overHttp2(t, port, stranger), { status: 400, text: /LB_CLIENT_CERTIFICATE/ })
    t.match(await overHttp2(t, port, alice), { status: 200, text: 'secret' })
    t.equal(await ask(t, lb.port('l4'), stranger), '', 'there is no answer for whatever L4 carries')
    t.equal(asked, 1)
    const why = lb.lines.filter(({ message }) => message === 'client certificate not accepted')
    t.match(why[0]?.fields, { listener: 'web', client: '127.0.0.1', reason: 'certificate has expired' })
    t.match(
      lb.running.metrics(),
      /lb_tls_handshake_failures_total\{listener="web",reason="client-certificate"\} 27\n/
    )
    t.match(lb.running.metrics(), /lb_errors_total\{listener="web",code="LB_CLIENT_CERTIFICATE"\} 27\n/)
  }
)

t.test('a client without a required certificate is told so', async (t) => {
  const { port } = await start(t, {}, { pool: 'web' })
  for (const [version, alert] of [
    ['TLSv1.2', /handshake.failure/i],
    ['TLSv1.3', /certificate.required/i]
  ] as const) {
    const options = { port, host: '127.0.0.1', ca: pki.ca, minVersion: version, maxVersion: version }
    if (rawTls === undefined) {
      t.match(await ask(t, port, options), /^HTTP\/1\.1 400 [^]*: the client has presented no certificate/)
      continue
    }
    const socket = connect({ ...options, servername: 'a.test' })
    t.teardown(() => socket.destroy())
    // In TLS 1.3 it is under way before the client hears of the alert, which a reset would take away.
    socket.write(Buffer.alloc(100_000))
    const failed = await new Promise<NodeJS.ErrnoException>((resolve) => socket.once('error', resolve))
    t.match(`${failed.code} ${failed.message}`, alert)
  }
})

t.test('a session does not forget that its certificate was not accepted', async (t) => {
  const { port } = await start(t, {}, { pool: 'web' })
  const stranger = strangers.leaf('alice')
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    const versions = { minVersion: version, maxVersion: version, ...stranger }
    let session: Buffer | undefined
    const keep = (made: Buffer): void => void (session = made)
    await exchange(t, port, versions, 'GET / HTTP/1.1\r\nHost: a.test\r\n\r\n', keep)
    const answer = await ask(t, port, { ...versions, ...(session !== undefined && { session }) })
    t.match(answer, /^HTTP\/1\.1 400 /, `${version} ${session === undefined ? 'full' : 'resumed'}`)
    const bare = { minVersion: version, maxVersion: version, ...(session !== undefined && { session }) }
    t.notMatch(await ask(t, port, bare), /^HTTP\/1\.1 [^4]/, 'nor without showing it again')
  }
})

t.test('an optional certificate: who has one is known, who has none comes in too', async (t) => {
  const respond = (body: string) => ({ respond: { status: 200, body } })
  const routes = [
    { match: { clientCert: 'CN=alice' }, ...respond('alice') },
    { match: { clientCert: '*' }, ...respond('somebody') },
    respond('nobody')
  ]
  const { port } = await start(t, { required: false }, { routes })
  const body = async (options: ConnectionOptions) => (await ask(t, port, options)).split('\r\n\r\n')[1]
  t.equal(await body({ ...alice }), 'alice')
  t.equal(await body({ ...bob }), 'somebody')
  t.equal(await body({}), 'nobody')
  t.equal(await body({ ...mallory }), 'nobody', 'one that is not believed is none')
})

t.test('patterns of certificates', async (t) => {
  const facts = clientCertificate(new X509Certificate(alice.cert).raw)
  const holds = (...patterns: string[]): boolean => new ClientCertMatch(patterns).holds(facts)
  for (const pattern of [
    '*',
    'CN=alice',
    'CN=alice,O=Ops',
    '*,O=Ops',
    'URI:spiffe://a.test/*',
    'DNS:alice.test',
    `sha256:${facts.fingerprint}`,
    `SHA256:${new X509Certificate(alice.cert).fingerprint256}`
  ]) {
    t.ok(holds(pattern), pattern)
  }
  for (const pattern of ['CN=ali', 'CN=alice.', 'O=Ops', 'DNS:alice', 'DNS:aliceXtest', 'sha256:00', '']) {
    t.notOk(holds(pattern), pattern)
  }
  t.notOk(new ClientCertMatch(['*']).holds(undefined))
  // A comma that the owner of a certificate has put into a name separates nothing.
  const named = (subject: string, commonName?: string) => ({ ...facts, subject, commonName, subjectAltNames: ['URI:http://a/\\b'] }) // prettier-ignore
  const fits = (pattern: string, subject: string, name?: string) => new ClientCertMatch([pattern]).holds(named(subject, name)) // prettier-ignore
  t.ok(fits('*,O=Example', 'CN=bob,O=Example'))
  t.ok(fits('*,O=Example', 'CN=b\\,c,O=Example'))
  t.ok(fits('CN=b\\,*,O=Example', 'CN=b\\,c,O=Example'))
  t.notOk(fits('*,O=Example', 'CN=bob\\,O=Example', 'bob\\,O=Example'))
  t.notOk(fits('CN=*,O=Example', 'CN=bob\\\\\\,O=Example'))
  t.ok(fits('CN=*,O=Example', 'CN=bob\\\\,O=Example'), 'a backslash is a character like others')
  t.ok(fits('URI:*b', 'CN=x', 'x'), 'other names have no escapes')
  t.ok(fits('CN=*', 'O=Example,CN=x', 'x'))
  t.notOk(fits('CN=*', 'O=Example'), 'without a common name there is none')
  t.ok(holds('nobody', 'CN=alice'))
})

t.test('redirectToHttps sends what no route claims to HTTPS', async (t) => {
  const lb = await startLb(t, {
    workers: 0,
    listeners: [
      {
        name: 'web',
        bind: '127.0.0.1:0',
        mode: 'l7',
        redirectToHttps: { port: 8443 },
        routes: [{ match: { path: '/up' }, respond: { status: 200, body: 'up' } }]
      },
      { name: 'plain', bind: '127.0.0.1:0', mode: 'l7', redirectToHttps: true }
    ],
    pools: {}
  })
  const location = async (name: string, path: string): Promise<string> => {
    const headers = { host: 'A.test:8080' }
    const [response] = (await once(
      httpGet({ port: lb.port(name), host: '127.0.0.1', path, headers }),
      'response'
    )) as [{ statusCode: number; headers: { location?: string }; resume(): void }]
    response.resume()
    return `${response.statusCode} ${response.headers.location}`
  }
  t.equal(await location('web', '/x?y=1'), '308 https://a.test:8443/x?y=1')
  t.equal(await location('plain', '/'), '308 https://a.test/')
  t.equal(await location('web', '/up'), '200 undefined')
})

t.test('redirectToHttps lets through what a trusted proxy has had over HTTPS', async (t) => {
  const origin = await httpOrigin(t, 'web')
  const common = { bind: '127.0.0.1:0', mode: 'l7', redirectToHttps: true }
  const lb = await startLb(t, {
    workers: 0,
    listeners: [
      { ...common, name: 'trusting', trustedProxies: ['127.0.0.1'], pool: 'web' },
      { ...common, name: 'alone', trustedProxies: ['127.0.0.1'] },
      { ...common, name: 'doubting' }
    ],
    pools: { web: { backends: [origin.address] } }
  })
  const status = async (name: string, headers: Record<string, string>): Promise<number> => {
    const asked = httpGet({ port: lb.port(name), host: '127.0.0.1', headers: { host: 'a.test', ...headers } })
    const [response] = (await once(asked, 'response')) as [{ statusCode: number; resume(): void }]
    response.resume()
    return response.statusCode
  }
  const said: Record<string, string>[] = [
    { 'x-forwarded-proto': 'https' },
    { forwarded: 'for=192.0.2.1;proto=https' }
  ]
  for (const over of said) {
    t.equal(await status('trusting', over), 200)
    t.equal(await status('alone', over), 404, 'there is nowhere to go, and no loop')
    t.equal(await status('doubting', over), 308, 'anybody may say so')
  }
  t.equal(await status('trusting', { 'x-forwarded-proto': 'http' }), 308)
  t.equal(await status('trusting', {}), 308)
})

t.test('what says nothing in the configuration is refused', async (t) => {
  const problems = (listener: object): string => {
    const result = configFromObject({
      listeners: [{ bind: ':1', mode: 'l7', ...listener }],
      pools: { web: { backends: ['127.0.0.1:1'] } }
    })
    return result.ok ? '' : result.problems.map(({ path, message }) => `${path}: ${message}`).join('\n')
  }
  const match = { clientCert: 'CN=x' }
  t.match(
    problems({ routes: [{ match, pool: 'web' }] }),
    /routes\[0\]\.match\.clientCert: .*needs `clientAuth`/
  )
  t.match(problems({ redirectToHttps: true, pool: 'web' }), /name it in "trustedProxies"/)
  t.match(problems({ redirectToHttps: true, tls: { selfSigned: true } }), /is for clear text/)
})

t.test('which name a certificate has is never in doubt', async (t) => {
  const names: Record<string, string | undefined> = {
    'CN=alice': 'alice',
    'O=Example\nCN=alice\nOU=x': 'alice',
    'O=Example': undefined,
    'CN=alice\nCN=bob': undefined,
    'DC=corp\nCN=Users\nCN=bob': undefined,
    'CN=alice + CN=bob': undefined,
    'OU=x + CN=alice': 'alice',
    'CN=alice + OU=x\nO=y': 'alice',
    'CN=a\\+ CN=b': 'a\\+ CN=b',
    'CN=a\\\\ + UID=1': 'a\\\\',
    'OU=a \\+ CN=b': undefined,
    'OU=XCN=b': undefined,
    'CN=': ''
  }
  for (const [lines, name] of Object.entries(names)) t.equal(commonName(lines), name, lines)

  const facts = clientCertificate(new X509Certificate(alice.cert).raw)
  const rolesOf = (rule: string, subject: string, name?: string): readonly string[] | undefined => {
    const input = clientCertSchema.parse({ subjects: { [rule]: ['in'] } })
    const method = new ClientCert(input, { realm: 'web' } as MethodContext)
    const clientCertificate = { ...facts, subject, commonName: name, subjectAltNames: [], notAfter: Infinity }
    const answer = method.check({ tls: { clientCertificate } } as unknown as Exchange)
    return answer?.kind === 'proven' ? answer.identity.roles : undefined
  }
  const fitting = [
    ['CN=alice, O=Example', 'CN=alice,O=Example', 'alice'],
    ['CN=alice', 'CN=alice,O=Example', 'alice'],
    ['OU=x+CN=alice', 'OU=x + CN=alice', 'alice'],
    ['CN=\xfc', 'CN=\\C3\\BC,O=Example', '\xfc'],
    ['CN=\xfc,O=M\xfcller', 'CN=\\C3\\BC,O=M\\C3\\BCller', '\xfc'],
    ['CN=a\\, b,O=x', 'CN=a\\, b,O=x', 'a\\, b'],
    ['CN=a\\ , O=x', 'CN=a\\ ,O=x', 'a\\ ']
  ] as const
  for (const [rule, subject, name] of fitting) t.strictSame(rolesOf(rule, subject, name), ['in'], rule)
  const others = [
    ['CN=a\\, b', 'CN=a\\,b', 'a\\,b'],
    ['CN=a\\ ,O=x', 'CN=a\\,O=x', 'a\\,O=x'],
    ['CN=a\\,O=x', 'CN=a\\ ,O=x', 'a\\ '],
    ['CN=Users', 'CN=bob,CN=Users,DC=corp', undefined],
    ['CN=a,O=x', 'CN=a\\,O=x', 'a\\,O=x']
  ] as const
  for (const [rule, subject, name] of others)
    t.equal(rolesOf(rule, subject, name), undefined, `${rule} ${subject}`)
})
