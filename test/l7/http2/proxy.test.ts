import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { connect as connectHttp2, constants, type ClientHttp2Session, type ClientHttp2Stream, type IncomingHttpHeaders } from 'node:http2' // prettier-ignore
import { connect, type AddressInfo, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { startLab, type Lab } from '../engine/lab.ts'
import { block, frame, GET, parseFrames, preface, u32, type Frame } from './wire.ts'

// HTTP/2 clients through lb to HTTP/1.1 backends, over real sockets.

type Handler = (request: IncomingMessage, response: ServerResponse) => void

async function origin(t: Test, handle: Handler): Promise<string> {
  const server = createServer(handle)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function through(
  t: Test,
  backend: string | Handler,
  listener: object = {},
  pool: object = {}
): Promise<Lab> {
  const address = typeof backend === 'string' ? backend : await origin(t, backend)
  const lab = await startLab({
    listeners: [{ bind: '127.0.0.1:0', mode: 'l7', protocols: ['h2', 'http/1.1'], pool: 'web', ...listener }],
    pools: { web: { backends: [address], ...pool } }
  })
  t.teardown(() => lab.close())
  return lab
}

function clientOf(t: Test, lab: Lab): ClientHttp2Session {
  const client = connectHttp2(`http://127.0.0.1:${lab.port}`)
  client.on('error', () => {})
  t.teardown(() => client.destroy())
  return client
}

interface Answer {
  readonly headers: IncomingHttpHeaders
  readonly trailers: IncomingHttpHeaders
  readonly interim: IncomingHttpHeaders[]
  readonly body: string
}

async function answerOf(stream: ClientHttp2Stream): Promise<Answer> {
  let headers: IncomingHttpHeaders = {}
  let trailers: IncomingHttpHeaders = {}
  const interim: IncomingHttpHeaders[] = []
  let body = ''
  stream.on('response', (got) => (headers = got))
  stream.on('headers', (got) => interim.push(got))
  stream.on('trailers', (got) => (trailers = got))
  stream.setEncoding('latin1').on('data', (chunk: string) => (body += chunk))
  await once(stream, 'close')
  return { headers, trailers, interim, body }
}

const ask = (client: ClientHttp2Session, headers: Record<string, string | string[]>): Promise<Answer> =>
  answerOf(client.request(headers, { endStream: true }))

/** A client that speaks frames, right or wrong. */
class FrameClient {
  readonly socket: Socket
  #bytes = Buffer.alloc(0)
  closed = false

  constructor(t: Test, port: number) {
    this.socket = connect(port, '127.0.0.1')
    this.socket.on('data', (bytes: Buffer) => (this.#bytes = Buffer.concat([this.#bytes, bytes])))
    this.socket.on('error', () => {})
    this.socket.on('close', () => (this.closed = true))
    this.socket.write(preface)
    t.teardown(() => this.socket.destroy())
  }

  get frames(): Frame[] {
    return parseFrames(this.#bytes)
  }

  async until(condition: (frames: Frame[]) => boolean): Promise<Frame[]> {
    for (let i = 0; i < 500; i++) {
      if (condition(this.frames)) return this.frames
      await sleep(10)
    }
    throw new Error(`not in time: ${JSON.stringify(this.frames.map(({ type, id }) => [type, id]))}`)
  }
}

async function eventually(t: Test, holds: () => boolean, what: string): Promise<void> {
  for (let i = 0; i < 3000 && !holds(); i++) await sleep(10)
  t.ok(holds(), what)
}

t.test('a request passes to HTTP/1.1 and its response back, with fields, bodies and trailers', async (t) => {
  const lab = await through(
    t,
    (request, response) => {
      let body = ''
      request.on('data', (chunk: Buffer) => (body += String(chunk)))
      request.on('end', () => {
        response.writeHead(201, { 'X-Seen': `${request.method} ${request.url} ${request.headers.host}`, 'X-Cookie': request.headers.cookie ?? '', 'X-Via': request.headers.via ?? '', Trailer: 'x-sum' }) // prettier-ignore
        response.write(body)
        response.addTrailers({ 'x-sum': request.trailers['x-sum'] ?? 'none' })
        response.end()
      })
    },
    { via: true }
  )
  const client = clientOf(t, lab)
  const stream = client.request(
    { ':method': 'POST', ':path': '/a?b', ':authority': 'site.example', cookie: ['a=1', 'b=2'], te: 'trailers', trailer: 'x-sum' },
    { waitForTrailers: true }
  ) // prettier-ignore
  stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': 'abc' }))
  stream.end('hello')
  const { headers, trailers, body } = await answerOf(stream)
  t.match(headers, { ':status': 201, 'x-seen': 'POST /a?b site.example', 'x-cookie': 'a=1; b=2' })
  t.match(headers['x-via'], /^2\.0 lb-/)
  t.equal(body, 'hello')
  t.equal(trailers['x-sum'], 'abc')
  t.equal(headers.connection, undefined)
  await eventually(t, () => lab.active === 0, 'every lease is back')
})

t.test('HEAD, 204, 304, interim answers and empty bodies', async (t) => {
  const lab = await through(t, (request, response) => {
    if (request.url === '/204') response.writeHead(204).end()
    else if (request.url === '/304') response.writeHead(304, { etag: '"1"' }).end()
    else if (request.url === '/103') {
      response.writeEarlyHints({ link: '</a.css>; rel=preload' }, () => response.end('late'))
    } else if (request.method === 'HEAD') response.writeHead(200, { 'content-length': 4 }).end()
    else response.end(request.url === '/empty' ? '' : 'body')
  })
  const client = clientOf(t, lab)
  t.match(await ask(client, { ':path': '/204' }), { headers: { ':status': 204 }, body: '' })
  t.match(await ask(client, { ':path': '/304' }), { headers: { ':status': 304 }, body: '' })
  t.match(await ask(client, { ':path': '/empty' }), {
    headers: { ':status': 200, 'content-length': '0' },
    body: ''
  })
  t.match(await ask(client, { ':path': '/', ':method': 'HEAD' }), { headers: { ':status': 200, 'content-length': '4' }, body: '' }) // prettier-ignore
  const { interim, body } = await ask(client, { ':path': '/103' })
  t.match(interim, [{ ':status': 103, link: '</a.css>; rel=preload' }])
  t.equal(body, 'late')
})

t.test('both versions work on one port, distinguished by the preface however it is split', async (t) => {
  const lab = await through(t, (_, response) => response.end('ok'))
  for (const text of ['GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nConnection: close\r\n\r\n', 'PROPFIND / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n']) {
    const raw = await lab.client()
    for (const c of text) {
      raw.send(c)
      await sleep(0)
    }
    t.match(await raw.end(), /^HTTP\/1\.1 200/)
  }
  const slow = new FrameClient(t, lab.port)
  slow.socket.write(frame(1, 5, 1, block(GET)))
  await slow.until((frames) => frames.some(({ type, id }) => type === 0 && id === 1))
  const wrong = await lab.client()
  wrong.send('PRI * HTTP/1.1\r\nHost: a\r\n\r\n')
  await wrong.end()
  t.match(parseFrames(Buffer.from(wrong.received, 'latin1')).at(-1), { type: 7 })
}) // prettier-ignore

t.test('a hundred streams at once each get their own answer', async (t) => {
  const lab = await through(t, (request, response) => {
    setTimeout(() => response.end(request.url!.repeat(3000)), Math.random() * 30)
  })
  const client = clientOf(t, lab)
  const answers = await Promise.all(
    Array.from({ length: 100 }, async (_, i) => ask(client, { ':path': `/${i}` }))
  )
  answers.forEach(({ body }, i) => t.equal(body, `/${i}`.repeat(3000)))
  await eventually(t, () => lab.active === 0, 'every lease is back')
})

t.test('a client that resets its stream frees the backend, and the connection serves others', async (t) => {
  let gone = 0
  const lab = await through(t, (request, response) => {
    response.on('close', () => void (response.writableFinished || gone++))
    if (request.url === '/ok') response.end('ok')
  })
  const client = clientOf(t, lab)
  const stream = client.request({ ':path': '/hang' })
  stream.on('error', () => {})
  await eventually(t, () => lab.active === 1, 'it is under way')
  stream.close(constants.NGHTTP2_CANCEL)
  await eventually(t, () => lab.active === 0 && gone === 1, 'the backend heard of it')
  t.match(await ask(client, { ':path': '/ok' }), { body: 'ok' })
})

t.test('a backend that breaks off its response resets the stream, and nothing else', async (t) => {
  const lab = await through(t, (request, response) => {
    if (request.url === '/ok') return void response.end('ok')
    response.writeHead(200, { 'content-length': '100' })
    response.write('part')
    setTimeout(() => response.destroy(), 20)
  })
  const client = clientOf(t, lab)
  const stream = client.request({ ':path': '/broken' })
  const failed = once(stream, 'error')
  stream.resume()
  t.match(String((await failed)[0]), /INTERNAL_ERROR/)
  t.match(await ask(client, { ':path': '/ok' }), { body: 'ok' })
})

t.test('a slow client holds its own backend back, and others on its connection go on', async (t) => {
  let written = 0
  const lab = await through(t, (request, response) => {
    if (request.url === '/ok') return void response.end('ok')
    const more = (): void => {
      while (written < 50e6 && response.write(Buffer.alloc(65_536))) written += 65_536
    }
    response.on('drain', more)
    more()
  })
  const client = clientOf(t, lab)
  const stream = client.request({ ':path': '/big' })
  stream.on('error', () => {})
  stream.pause()
  await sleep(300)
  const before = written
  await sleep(200)
  t.equal(written, before, `stands still at ${written}`)
  t.ok(written < 12e6, 'in the buffers of kernels and of one stream')
  t.match(await ask(client, { ':path': '/ok' }), { body: 'ok' })
  stream.close()
  await eventually(t, () => lab.active === 0, 'every lease is back')
})

t.test(
  'a backend that reads nothing holds its upload back, and others on the connection go on',
  async (t) => {
    const stuck: IncomingMessage[] = []
    const lab = await through(t, (request, response) => {
      if (request.url === '/ok') return void response.end('ok')
      stuck.push(request)
      request.on('end', () => response.end('done'))
    })
    const client = clientOf(t, lab)
    const upload = client.request({ ':path': '/up', ':method': 'POST' })
    let sent = 0
    const body = Buffer.alloc(65_536)
    const push = (): void => {
      while (sent < 30e6) {
        sent += body.length
        if (!upload.write(body)) break
      }
      if (sent >= 30e6) upload.end()
    }
    upload.on('drain', push)
    push()
    await sleep(300)
    const before = sent
    await sleep(200)
    t.equal(sent, before, `stands still at ${sent}`)
    t.match(await ask(client, { ':path': '/ok' }), { body: 'ok' })
    stuck[0]!.resume()
    t.match(await answerOf(upload), { body: 'done' })
  }
)

t.test('an answer that ends before its request leaves the connection in order', async (t) => {
  const lab = await through(t, (_, response) => response.end('early'), { limits: { bodyBytes: '1kb' } })
  const client = clientOf(t, lab)
  const upload = client.request({ ':path': '/', ':method': 'POST' })
  upload.on('error', () => {})
  upload.write(Buffer.alloc(5000))
  t.match(await answerOf(upload), { headers: { ':status': 413 } })
  t.match(await ask(client, { ':path': '/' }), { body: 'early' })
})

t.test('who sends the rest of an upload after its answer may, for two seconds', async (t) => {
  const lab = await through(t, (_, response) => response.end('early'))
  const client = new FrameClient(t, lab.port)
  const post = (id: number, length: string) =>
    client.socket.write(frame(1, 4, id, block([...GET.slice(1), [':method', 'POST'], ['content-length', length]]))) // prettier-ignore
  const ends = (id: number) => (all: Frame[]) =>
    all.filter((each) => each.id === id && (each.type === 3 || (each.type < 2 && (each.flags & 1) === 1)))
  const began = Date.now()
  for (let id = 1; id < 40; id += 2) {
    post(id, '5000000')
    client.socket.write(frame(0, 0, id, Buffer.alloc(1000)))
  }
  // Java's HttpClient and httpx look for the answer only behind the body.
  post(41, '2000000')
  await client.until((all) => ends(41)(all).length === 1)
  let [sent, window] = [0, 65_535]
  const opened = (): number => {
    const frames = client.frames.filter(({ type, id }) => type === 8 && id === 41)
    return frames.reduce((sum, { payload }) => sum + payload.readUInt32BE(0), 65_535)
  }
  while (sent < 2_000_000) {
    await client.until(() => (window = opened()) > sent)
    const size = Math.min(16_384, window - sent, 2_000_000 - sent)
    client.socket.write(frame(0, (sent += size) === 2_000_000 ? 1 : 0, 41, Buffer.alloc(size)))
  }
  // curl breaks off by END_STREAM whatever it announced, and needs a frame to notice that the stream has closed.
  await client.until((all) => all.filter(({ type }) => type === 6).length === 1)
  post(43, '2000000')
  await client.until((all) => ends(43)(all).length === 1)
  client.socket.write(frame(0, 1, 43, Buffer.alloc(0)))
  await client.until((all) => all.filter(({ type }) => type === 6).length === 2)
  for (const id of [41, 43]) t.strictSame(ends(id)(client.frames).map(({ type }) => type), [0], `${id} is not reset`) // prettier-ignore
  // A last frame with data, and less than announced: that is malformed (RFC 9113 §8.1.1), answered or not.
  post(45, '9')
  await client.until((all) => ends(45)(all).length === 1)
  client.socket.write(frame(0, 1, 45, Buffer.from('test')))
  await client.until((all) => ends(45)(all).length === 2)
  t.equal(ends(45)(client.frames)[1]!.payload.readUInt32BE(0), 1, 'PROTOCOL_ERROR')
  await client.until((all) => ends(39)(all).length === 2)
  t.ok(Date.now() - began > 1_500)
  for (let id = 1; id < 40; id += 2) {
    const [answer, reset] = ends(id)(client.frames)
    t.strictSame([answer!.type, reset!.type, reset!.payload.readUInt32BE(0)], [0, 3, 0], `${id}: NO_ERROR`)
  }
})

t.test('a drain says GOAWAY twice, serves what is under way, and closes', async (t) => {
  let answer: (() => void) | undefined
  const lab = await through(t, (_, response) => {
    answer = () => void response.end('late')
  })
  const client = new FrameClient(t, lab.port)
  client.socket.write(frame(1, 5, 1, block(GET)))
  await eventually(t, () => answer !== undefined, 'it is under way')
  lab.engine.drain()
  const goaways = (frames: Frame[]): number[] =>
    frames.filter(({ type }) => type === 7).map(({ payload }) => payload.readUInt32BE(0))
  await client.until((frames) => goaways(frames).length === 2)
  t.strictSame(goaways(client.frames), [0x7fff_ffff, 1])
  client.socket.write(frame(1, 5, 3, block(GET)))
  answer!()
  await client.until(() => client.closed)
  t.ok(client.frames.some(({ type, id, flags }) => type === 0 && id === 1 && (flags & 1) === 1))
  t.notOk(
    client.frames.some(({ id }) => id === 3),
    'not looked at'
  )
  await eventually(t, () => lab.engine.connections === 0, 'closed')
})

t.test('who is idle, slow to begin, or in the middle of a frame has as long as the file says', async (t) => {
  const lab = await through(t, (_, response) => response.end('ok'), {
    timeouts: { requestHeaders: '200ms' },
    http2: { idle: '300ms' }
  })
  const idle = new FrameClient(t, lab.port)
  idle.socket.write(frame(1, 5, 1, block(GET)))
  const part = new FrameClient(t, lab.port)
  part.socket.write(frame(1, 1, 1, block(GET)))
  const silent = connect(lab.port, '127.0.0.1')
  silent.write(preface.subarray(0, 10))
  silent.resume()
  const pinging = new FrameClient(t, lab.port)
  const pings = setInterval(() => pinging.socket.write(frame(6, 0, 0, Buffer.alloc(8))), 20)
  t.teardown(() => clearInterval(pings))
  await Promise.all([
    idle.until(() => idle.closed),
    part.until(() => part.closed),
    pinging.until(() => pinging.closed),
    once(silent, 'close')
  ])
  t.equal(idle.frames.at(-1)!.type, 7)
  t.equal(idle.frames.at(-1)!.payload.readUInt32BE(4), 0, 'NO_ERROR')
  t.equal(part.frames.at(-1)!.payload.readUInt32BE(4), 11, 'ENHANCE_YOUR_CALM')
})

t.test('a client that opens no window, or one octet at a time, is given up', async (t) => {
  const lab = await through(t, (_, response) => response.end(Buffer.alloc(200_000)), {
    timeouts: { idle: '300ms' }
  })
  for (const trickles of [false, true]) {
    const client = new FrameClient(t, lab.port)
    client.socket.write(frame(4, 0, 0, Buffer.concat([Buffer.from([0, 4]), u32(0)])))
    client.socket.write(frame(1, 5, 1, block(GET)))
    const trickle = setInterval(() => void (trickles && client.socket.write(frame(8, 0, 1, u32(1)))), 20)
    await client.until((frames) => frames.some(({ type }) => type === 3))
    clearInterval(trickle)
    await eventually(t, () => lab.active === 0, 'the lease is back')
  }
})

t.test(
  'a request that HTTP/1.1 would refuse is answered on its stream, and the next one is served',
  async (t) => {
    const lab = await through(t, (_, response) => response.end('ok'))
    const client = clientOf(t, lab)
    const refused: [Record<string, string>, number][] = [
      [{ ':path': '/a%00b' }, 400],
      [{ ':path': '/', ':authority': 'a b' }, 400],
      [{ ':path': '/', ':method': 'BREW' }, 501],
      [{ ':path': `/${'a'.repeat(9000)}` }, 414],
      [{ ':path': '/', 'x-big': 'b'.repeat(30_000) }, 431],
      [{ ':path': '/', expect: 'wonders' }, 417],
      [{ ':path': '/#x' }, 400]
    ]
    for (const [headers, status] of refused) {
      const { headers: got } = await ask(client, headers)
      t.equal(got[':status'], status, JSON.stringify(headers).slice(0, 60))
      t.match(await ask(client, { ':path': '/' }), { body: 'ok' })
    }
  }
)

t.test('no request of HTTP/2 becomes two of HTTP/1.1, or another one', async (t) => {
  const requests: string[] = []
  const lab = await through(t, (request, response) => {
    request.resume()
    request.on('end', () => {
      requests.push(`${request.method} ${request.url} ${request.rawHeaders.join(' ')}`)
      response.end('ok')
    })
    request.on('error', () => {})
  })
  const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: evil\r\n\r\n'
  const post: [string, string][] = [[':method', 'POST'], ...GET.slice(1).map(([n, v]): [string, string] => [n, v])]
  const heads: [string, string][][] = [
    [...post, ['transfer-encoding', 'chunked']],
    [...post, ['Transfer-Encoding', 'chunked']],
    [...post, ['transfer_encoding', 'chunked']],
    [...post, ['content_length', '0']],
    [...post, ['x', `a\r\ntransfer-encoding: chunked`]],
    [...post, ['x', `a\r\n\r\n${smuggled}`]],
    [...post, [`x: a\r\nhost`, 'b']],
    [...post, ['x\0', 'b']],
    [[':method', `GET / HTTP/1.1\r\nHost: a\r\n\r\nGET`], ...post.slice(1)],
    [post[0]!, post[1]!, [':path', `/ HTTP/1.1\r\nHost: a\r\n\r\nGET /smuggled`], post[3]!],
    [post[0]!, post[1]!, [':path', `/x\tHTTP/1.1`], post[3]!],
    [post[0]!, post[1]!, post[2]!, [':authority', 'a\r\nx: y']],
    [post[0]!, post[1]!, post[2]!, [':authority', 'user@a']],
    [post[0]!, [':scheme', 'http\r\nx: y'], post[2]!, post[3]!],
    [...post, ['content-length', '0']],
    [...post, ['content-length', String(smuggled.length - 1)]],
    [...post, ['content-length', '0, 5']],
    [...post, ['connection', 'content-length'], ['content-length', '5']],
    [...post, ['upgrade', 'h2c'], ['http2-settings', '']],
    [...post, ['te', 'chunked']],
    [...post, ['expect', '100-continue, x']]
  ]
  for (const fields of heads) {
    const client = new FrameClient(t, lab.port)
    client.socket.write(Buffer.concat([frame(1, 4, 1, block(fields)), frame(0, 1, 1, Buffer.from(smuggled)), frame(6, 0, 0, Buffer.alloc(8))]))
    await client.until((frames) => client.closed || frames.some(({ type, flags }) => type === 6 && flags === 1))
    await client.until((frames) => client.closed || frames.some(({ type, id }) => (type === 3 || type === 1) && id === 1))
    client.socket.destroy()
  }
  await eventually(t, () => lab.active === 0, 'every lease is back')
  for (const head of requests) {
    t.match(head, /^POST \/ host a\.example /i)
    t.notMatch(head, /evil|smuggled|transfer_encoding|content_length|x y/)
  }
}) // prettier-ignore

t.test('streams and resets are counted', async (t) => {
  const lab = await through(t, () => {})
  const client = clientOf(t, lab)
  const stream = client.request({ ':path': '/' })
  stream.on('error', () => {})
  const listener = lab.engine.snapshot.config.name
  const valueOf = (cell: unknown): number => {
    const { values, at } = cell as { values: Float64Array; at: number }
    return values[at]!
  }
  const open = (): number => valueOf(lab.metrics.gauge('lb_http2_streams_open', { listener }))
  await eventually(t, () => open() === 1, 'one is open')
  stream.close(constants.NGHTTP2_CANCEL)
  await eventually(t, () => open() === 0, 'none is open')
  const resets = { listener, by: 'peer', code: 'CANCEL' }
  t.equal(valueOf(lab.metrics.counter('lb_http2_resets_total', resets)), 1)
})
