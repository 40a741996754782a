import { webSocketAccept } from '../../../../src/l7/message/websocket-accept.ts'
import { once } from 'node:events'
import { connect as http2, type ClientHttp2Session, type IncomingHttpHeaders } from 'node:http2'
import t, { type Test } from 'tap'
import { answering, rawBackend } from '../../engine/lab.ts'
import { configure, start } from '../../../../src/index.ts'
import { until } from '../../../e2e/servers.ts'
import { authLab } from './auth-lab.ts'
import { jwk, rsaKey, signed, startIssuer } from './issuer.ts'

/** Machines that are five times slower take their time. */
t.setTimeout(120_000)

const apiKeys = { keys: { alice: 'alices-key', bob: 'bobs-key' }, roles: { alice: ['admin'] } }
const KEY = 'X-Api-Key: alices-key\r\n'

async function session(t: Test, url: string): Promise<ClientHttp2Session> {
  const client = http2(url)
  t.teardown(() => client.destroy())
  client.on('error', () => {})
  await once(client, 'connect')
  return client
}

/** Head, body and trailers of one stream. */
async function streamed(client: ClientHttp2Session, headers: object, body?: Buffer) {
  const stream = client.request(
    { ':method': 'GET', ':path': '/', ...headers },
    { endStream: body === undefined }
  )
  let head: IncomingHttpHeaders = {}
  let trailers: IncomingHttpHeaders = {}
  const chunks: Buffer[] = []
  stream.on('response', (got) => (head = got))
  stream.on('trailers', (got) => (trailers = got))
  stream.on('data', (chunk: Buffer) => chunks.push(chunk))
  if (body !== undefined) stream.end(body)
  await once(stream, 'close')
  return { head, trailers, status: Number(head[':status']), text: Buffer.concat(chunks).toString() }
}

t.test('over HTTP/2 the same credentials decide, and gRPC hears it in its own words', async (t) => {
  const listener = {
    protocols: ['h2', 'http/1.1'],
    auth: [{ apiKeys }],
    require: { roles: ['admin'] },
    identity: { header: 'x-user', strip: true }
  }
  const { lab, heads } = await authLab(t, listener)
  const client = await session(t, `http://127.0.0.1:${lab.port}`)
  const fine = await streamed(client, { 'x-api-key': 'alices-key', x_user: 'root', 'x-user': 'root' })
  t.equal(fine.status, 200)
  t.match(heads.at(-1), 'x-user: alice\r\n')
  t.notMatch(heads.at(-1), /root|alices-key/)
  t.equal((await streamed(client, {})).status, 401)
  t.equal((await streamed(client, { 'x-api-key': 'bobs-key' })).status, 403)
  t.equal((await streamed(client, { 'x-api-key': ['alices-key', 'alices-key'] })).status, 401)

  const grpc = { ':method': 'POST', ':path': '/a.B/C', 'content-type': 'application/grpc', te: 'trailers' }
  const frame = Buffer.from([0, 0, 0, 0, 0])
  const before = heads.length
  for (const [what, more, code] of [
    ['no credential', {}, '16'],
    ['a wrong one', { 'x-api-key': 'wrong' }, '16'],
    ['not allowed', { 'x-api-key': 'bobs-key' }, '7']
  ] as const) {
    const { head, trailers, status } = await streamed(client, { ...grpc, ...more }, frame)
    t.equal(status, 200, what)
    t.equal(head['grpc-status'] ?? trailers['grpc-status'], code, what)
  }
  t.equal(heads.length, before, 'no backend was asked')
})

t.test('a preflight needs no credential, and a refusal can be read by the page that asked', async (t) => {
  const cors = {
    origins: ['https://app.example'],
    headers: ['x-api-key'],
    methods: ['GET', 'PUT'],
    credentials: true
  }
  const { lab, ask, heads } = await authLab(t, { auth: [{ apiKeys }], cors })
  const client = await lab.client()
  client.send(
    'OPTIONS / HTTP/1.1\r\nHost: a\r\nOrigin: https://app.example\r\nAccess-Control-Request-Method: PUT\r\nAccess-Control-Request-Headers: x-api-key\r\nConnection: close\r\n\r\n'
  )
  const preflight = await client.end()
  t.match(preflight, /^HTTP\/1\.1 20[04] /)
  t.match(preflight, /access-control-allow-origin: https:\/\/app\.example\r\n/i)
  t.equal(heads.length, 0, 'it is answered here')
  const refused = await ask('Origin: https://app.example\r\n')
  t.equal(refused.status, 401)
  t.match(refused.text, /access-control-allow-origin: https:\/\/app\.example\r\n/i)
  t.equal((await ask(`Origin: https://app.example\r\n${KEY}`)).status, 200)
  const plain = await lab.client()
  plain.send('OPTIONS / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
  t.match(await plain.end(), 'HTTP/1.1 401', 'an OPTIONS that is no preflight does')
})

t.test('an upgrade waits for the credential like any request', async (t) => {
  const { lab, heads } = await authLab(
    t,
    { auth: [{ apiKeys }], identity: { header: 'x-user', strip: true } },
    () => 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nhello'
  )
  const upgrade = (fields: string) =>
    `GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n${fields}\r\n`
  const stranger = await lab.client()
  stranger.send(upgrade(''))
  await stranger.text('LB_UNAUTHENTICATED')
  t.match(stranger.received, 'HTTP/1.1 401')
  t.equal(heads.length, 0)
  const known = await lab.client()
  known.send(upgrade(KEY))
  await known.text('hello')
  t.match(known.received, 'HTTP/1.1 101')
  t.match(heads[0], 'x-user: alice\r\n')
  t.notMatch(heads[0], 'alices-key')
})

t.test(
  'a WebSocket over HTTP/2 waits for the credential, and outlives the token that opened it',
  async (t) => {
    const rsa = rsaKey('rsa-1')
    const idp = await startIssuer([jwk(rsa)])
    t.teardown(() => idp.close())
    const listener = {
      protocols: ['h2', 'http/1.1'],
      auth: [{ apiKeys }, { jwt: { issuer: idp.url, audience: 'api', skew: '1s', timeout: '20s' } }],
      identity: { header: 'x-user', strip: true }
    }
    const { lab, heads } = await authLab(
      t,
      listener,
      (head) =>
        `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${webSocketAccept(/sec-websocket-key: (.*)\r\n/i.exec(head)![1]!)}\r\n\r\nhello`
    )
    const client = http2(`http://127.0.0.1:${lab.port}`)
    t.teardown(() => client.destroy())
    client.on('error', () => {})
    await once(client, 'remoteSettings')
    const opened = async (more: object) => {
      const connecting = { ':method': 'CONNECT', ':protocol': 'websocket', ':path': '/ws' }
      const stream = client.request({ ...connecting, 'sec-websocket-version': '13', ...more })
      t.teardown(() => stream.destroy())
      stream.on('error', () => {})
      const [head] = (await once(stream, 'response')) as [IncomingHttpHeaders]
      return { stream, head, status: Number(head[':status']) }
    }
    const token = (exp: number): object => {
      const claims = { iss: idp.url, aud: 'api', sub: 'carol', exp }
      return { authorization: `Bearer ${signed({ alg: 'RS256', kid: 'rsa-1' }, claims, rsa.privateKey)}` }
    }
    const now = Math.floor(Date.now() / 1000)
    for (const [what, more] of [
      ['no credential', {}],
      ['a wrong key', { 'x-api-key': 'wrong' }],
      ['a token that is over', token(now - 10)],
      ['a forged one', { authorization: 'Bearer a.b.c' }]
    ] as const) {
      const { status, head } = await opened(more)
      t.equal(status, 401, what)
      t.match(head['www-authenticate'], /ApiKey realm=.*Bearer realm=/, what)
    }
    t.equal(heads.length, 0, 'no backend was asked')
    // The issuer's keys are there by then, so that the time of the next one is its own.
    const long = await opened(token(now + 3_600))
    t.equal(long.status, 200)
    const begun = Math.floor(Date.now() / 1000)
    const soon = token(begun + 6)
    const { stream, status } = await opened(soon)
    t.equal(status, 200)
    let received = ''
    stream.on('data', (bytes: Buffer) => (received += bytes.toString()))
    await until(() => received === 'hello', 'the tunnel is open')
    t.match(heads[0], 'x-user: carol\r\n')
    t.notMatch(heads[0], /Bearer/)
    await until(() => Date.now() > (begun + 8) * 1000, 'the token is over')
    t.equal((await opened(soon)).status, 401, 'it opens nothing any more')
    t.notOk(stream.closed, 'what it has opened goes on')
    t.equal(heads.length, 2)
  }
)

t.test(
  "what one user got is nobody else's, and what is public is, with auth asked before the cache",
  async (t) => {
    const answers = new Map([
      ['/private', 'max-age=60'],
      ['/public', 'public, max-age=60'],
      ['/shared', 's-maxage=60']
    ])
    let asked = 0
    const backend = await rawBackend(
      answering((head) => {
        const path = head.split(' ')[1]!
        const body = `${++asked}`
        return `HTTP/1.1 200 OK\r\nCache-Control: ${answers.get(path)}\r\nContent-Length: ${body.length}\r\n\r\n${body}`
      })
    )
    t.teardown(() => backend.close())
    const lb = await start(
      configure({
        workers: 0,
        listeners: [
          {
            name: 'web',
            bind: '127.0.0.1:0',
            mode: 'l7',
            pool: 'web',
            ...{
              auth: { methods: [{ apiKeys }], guesses: false },
              cache: { store: 'main' },
              identity: { strip: true }
            }
          }
        ],
        caches: { main: {} },
        pools: { web: { backends: [backend.address] } }
      })
    )
    t.teardown(() => lb.kill())
    const url = `http://${lb.addresses[0]!.address}`
    const get = async (path: string, key?: string) => {
      const response = await fetch(url + path, { headers: key === undefined ? {} : { 'x-api-key': key } })
      return { status: response.status, text: await response.text() }
    }
    for (const path of answers.keys()) {
      const first = await get(path, 'alices-key')
      const other = await get(path, 'bobs-key')
      t.equal(first.status, 200)
      t.equal(other.text === first.text, path !== '/private', path)
      t.equal((await get(path)).status, 401, 'a stored answer is for whoever is let in')
      t.equal((await get(path, 'wrong')).status, 401)
    }
  }
)

t.test(
  'the limit by identity counts a name over HTTP/1.1 and HTTP/2, and guesses do not spend it',
  async (t) => {
    const rateLimit = [{ requests: 3, per: '1h', key: 'identity' }]
    const auth = { methods: [{ apiKeys }], guesses: { requests: 5, per: '1h' }, audit: 'all' }
    const { ask, lab } = await authLab(t, { protocols: ['h2', 'http/1.1'], auth, rateLimit })
    t.equal((await ask(KEY)).status, 200)
    for (let i = 0; i < 3; i++) t.equal((await ask('X-Api-Key: wrong\r\n')).status, 401)
    const client = await session(t, `http://127.0.0.1:${lab.port}`)
    t.equal((await streamed(client, { 'x-api-key': 'alices-key' })).status, 200)
    t.equal((await ask(KEY)).status, 200)
    t.equal((await streamed(client, { 'x-api-key': 'alices-key' })).status, 429)
    t.equal((await ask(KEY)).status, 429)
    t.equal((await ask('X-Api-Key: bobs-key\r\n')).status, 200)
    const audit = lab.log.lines.map((line) => JSON.stringify(line)).filter((line) => line.includes('access '))
    t.equal(audit.filter((line) => line.includes('access refused')).length, 3)
    t.equal(audit.filter((line) => line.includes('access allowed') && line.includes('alice')).length, 5)
    t.notMatch(audit.join('\n'), /alices-key|wrong"/)
  }
)
