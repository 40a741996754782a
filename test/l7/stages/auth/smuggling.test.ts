import { once } from 'node:events'
import { createServer as createHttp } from 'node:http'
import { createServer, type AddressInfo } from 'node:net'
import { connect } from 'node:tls'
import t, { type Test } from 'tap'
import { startLb, until } from '../../../e2e/servers.ts'
import { testCertificates } from '../../../net/certificates.ts'
import { block, frame, parseFrames, preface } from '../../http2/wire.ts'

t.setTimeout(240_000)

const pki = testCertificates()
const server = pki.leaf('a.test')
const alice = pki.issue({ subject: '/CN=alice' })

/** Fields that `identity`, the answer of forward-auth, and the listener write. */
const OWNED = ['X-User', 'X-User-Role', 'X-Auth-Mail', 'X-Client-Cert-Subject']

type Pair = readonly [name: string, value: string]
interface Attempt {
  /** Lines as a client of HTTP/1.1 sends them. */
  readonly lines?: string
  /** Fields of HTTP/2. */
  readonly pairs?: readonly Pair[]
  readonly trailers?: boolean
}

/** Ways to say `name: value` that some server reads so, or may be thought to. */
function spellings(name: string): Attempt[] {
  const lower = name.toLowerCase()
  const of = (mark: string, at = -1): string => {
    const parts = name.split('-')
    return parts.reduce((all, part, i) => all + (at === -1 || i === at ? mark : '-') + part)
  }
  const inNames = [..."_.!~+'`|^#$%&*"].map((mark) => of(mark))
  const names = [name, lower, name.toUpperCase(), of('_', 1), lower.replace('-', '_'), ...inNames, [...lower].map((c, i) => (i % 2 ? c.toUpperCase() : c)).join('')] // prettier-ignore
  // What no name may have.
  const broken = [`${name} `, `${name}\t`, ` ${name}`, `\t${name}`, `${name}\0`, `\0${name}`, `${name}\x0b`, `${name}\x0c`, `${name}\r`, `:${name}`, `"${name}"`, `(${name})`, of(' '), of('\t'), of('\0'), `${name}\xa0`, `\xef\xbb\xbf${name}`, `${name}\x7f`, `${name}:`, `${name}\n`, `${name};`] // prettier-ignore
  const value = 'root'
  return [
    ...[...names, ...broken].flatMap((each) => [
      { lines: `${each}: ${value}\r\n` },
      { lines: `${each}:${value}\r\n${each}: ${value}\r\n` },
      { pairs: [[each, value] as const] },
      { pairs: [[each.toLowerCase(), value] as const] },
      { pairs: [[each.toLowerCase(), value] as const], trailers: true },
      { lines: `${each}: ${value}\r\n`, trailers: true }
    ]),
    { lines: `Foo: a\r\n ${name}: ${value}\r\n` },
    { lines: `Foo: a\r\n\t${name}: ${value}\r\n` },
    { lines: `Foo: a\r\n\r\n ${name}: ${value}\r\n` },
    { lines: `${name}:\r\n ${value}\r\n` },
    { lines: `Foo: a\n${name}: ${value}\r\n` },
    { lines: `Foo: a\r${name}: ${value}\r\n` },
    { lines: `Foo: a\n\r${name}: ${value}\r\n` },
    { lines: `Foo: a\0${name}: ${value}\r\n` },
    { lines: `Connection: ${name}\r\n${name}: ${value}\r\n` },
    { lines: `Connection: close, ${lower}, x_user\r\n${lower}: ${value}\r\n` },
    { lines: `${name}: ${value}\r\nConnection: ${of('_')}\r\n${of('_')}: ${value}\r\n` },
    { lines: `X-Forwarded-For: 1.2.3.4\r\nForwarded: for=1.2.3.4\r\n${of('_')}: ${value}\r\n` },
    { pairs: [['foo', `a\r\n${name}: ${value}`]] },
    { pairs: [['foo', `a\n${name}: ${value}`]] },
    { pairs: [['foo', `a\r${name}: ${value}`]] },
    { pairs: [['foo', `a\0${name}: ${value}`]] },
    { pairs: [[`foo: a\r\n${name}`, value]] },
    { pairs: [[`:${lower}`, value]] },
    { pairs: [['connection', lower], [lower, value]] }, // prettier-ignore
    { pairs: [['cookie', `a=b\r\n${name}: ${value}`]] },
    { pairs: [[lower, value], [lower, value]] }, // prettier-ignore
    { pairs: [[lower, value], [lower.replace('-', '_'), value]], trailers: true } // prettier-ignore
  ]
}

/** All that it is sent, whatever it is; answers each request. */
async function listening(t: Test): Promise<{ address: string; text(): string }> {
  const texts: string[] = []
  const backend = createServer((socket) => {
    const at = texts.push('') - 1
    let answered = 0
    socket.on('error', () => {})
    socket.on('data', (bytes: Buffer) => {
      texts[at] += bytes.toString('latin1')
      const ends = texts[at]!.split(/0\r\n(?:[^\r\n]+\r\n)*\r\n|(?<=\r\n)(?:\w.*\r\n)+\r\n(?!\d)/).length - 1
      for (; answered < ends; answered++) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
    })
  }).listen(0, '127.0.0.1')
  await once(backend, 'listening')
  t.teardown(() => backend.close())
  return {
    address: `127.0.0.1:${(backend.address() as AddressInfo).port}`,
    text: () => texts.join('\r\n')
  }
}

/** Resolves once there is an answer or an end. */
async function send(port: number, attempt: Attempt, key: string, known: boolean): Promise<void> {
  const { lines, pairs, trailers = false } = attempt
  const options = known ? { cert: alice.cert, key: alice.key } : {}
  const ALPNProtocols = [pairs === undefined ? 'http/1.1' : 'h2']
  const socket = connect({
    port,
    host: '127.0.0.1',
    ca: pki.ca,
    servername: 'a.test',
    ALPNProtocols,
    ...options
  })
  let got = Buffer.alloc(0)
  const answered = (): boolean =>
    pairs === undefined
      ? got.includes('\r\n\r\n')
      : parseFrames(got).some(({ type, id }) => (type === 1 && id === 1) || type === 3 || type === 7)
  socket.on('error', () => {})
  socket.on('data', (bytes: Buffer) => {
    got = Buffer.concat([got, bytes])
    if (answered()) socket.destroy()
  })
  const post = trailers ? 'POST' : 'GET'
  if (pairs === undefined) {
    const head = `${post} / HTTP/1.1\r\nHost: a.test\r\nCookie: ${key}\r\n`
    socket.write(
      trailers
        ? `${head}TE: trailers\r\nTrailer: foo\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n${lines}\r\n`
        : `${head}${lines}\r\n`,
      'latin1'
    )
  } else {
    const pseudo: Pair[] = [[':method', post], [':scheme', 'https'], [':path', '/'], [':authority', 'a.test'], ['cookie', key]] // prettier-ignore
    const head = frame(1, trailers ? 4 : 5, 1, block(trailers ? [...pseudo, ['te', 'trailers']] : [...pseudo, ...pairs])) // prettier-ignore
    const rest = trailers ? [frame(0, 0, 1, Buffer.from('hi')), frame(1, 5, 1, block(pairs))] : []
    socket.write(Buffer.concat([preface, head, ...rest]))
  }
  await once(socket, 'close')
}

t.test('no spelling of a field that tells who it is gets from a client to a backend', async (t) => {
  const decider = createHttp((request, response) => {
    const known = request.headers.cookie === 'known'
    response.writeHead(
      200,
      known ? { 'x-auth-name': 'bob', 'x-auth-mail': 'bob@site' } : { 'x-auth-name': 'none' }
    )
    response.end()
  }).listen(0, '127.0.0.1')
  await once(decider, 'listening')
  t.teardown(() => (decider.closeAllConnections(), decider.close()))
  const url = `http://127.0.0.1:${(decider.address() as AddressInfo).port}/`
  const backend = await listening(t)
  const forward = {
    url,
    requestHeaders: ['cookie'],
    identity: 'X-Auth-Name',
    responseHeaders: ['X-Auth-Mail']
  }
  const lb = await startLb(t, {
    workers: 0,
    listeners: [
      {
        name: 'web',
        bind: '127.0.0.1:0',
        mode: 'l7',
        accessLog: false,
        protocols: ['h2', 'http/1.1'],
        tls: { certificates: [server.files], clientAuth: { ca: pki.caFile, required: false, forward: true } },
        auth: [{ forward }],
        identity: { header: 'X-User', roles: 'X-User-Role' },
        pool: 'web'
      }
    ],
    pools: {
      web: { backends: [backend.address], breaker: false, retry: false, timeouts: { response: '5s' } }
    }
  })
  const port = lb.port('web')
  for (const [protocol, attempt] of [
    ['http/1.1', { lines: '' }],
    ['h2', { pairs: [] }]
  ] as const) {
    // prettier-ignore
    const before = backend.text().length
    await send(port, attempt, 'known', true)
    await until(() => backend.text().length > before, `${protocol}: a request arrives`)
    const seen = backend.text().slice(before)
    for (const line of [
      'X-User: bob',
      'X-User-Role: ',
      'X-Auth-Mail: bob@site',
      'X-Client-Cert-Subject: CN=alice'
    ])
      t.match(seen, `\r\n${line}\r\n`, `${protocol}: what is so is told`)
  }
  const all = OWNED.flatMap((name) => spellings(name))
  t.ok(all.length > 30 * OWNED.length, `${all.length} attempts`)
  const answered = backend.text().length
  for (let i = 0; i < all.length; i += 8) {
    await Promise.all(all.slice(i, i + 8).map((attempt, k) => send(port, attempt, 'nobody', k % 2 === 0)))
  }
  const text = backend.text()
  t.ok(text.length > answered, 'some of them arrive, without it')
  // As the most lenient server may take lines apart, and names.
  const told = new Set(OWNED.map((name) => name.replace(/\W/g, '').toLowerCase()))
  const got = text
    .split(/[\r\n\0]+/)
    .filter((line) => line.includes('root'))
    .filter((line) => told.has(line.slice(0, line.indexOf(':')).replace(/[^a-z0-9]/gi, '').toLowerCase())) // prettier-ignore
  t.strictSame(got, [])
  t.notMatch(text, /[^\r]\n|\r[^\n]|\0/, 'no line has an end of its own')
})
