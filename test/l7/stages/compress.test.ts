import t, { type Test } from 'tap'
import { once } from 'node:events'
import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { randomBytes } from 'node:crypto'
import {
  brotliDecompressSync,
  constants,
  createGunzip,
  createGzip,
  gunzipSync,
  inflateSync,
  zstdDecompressSync
} from 'node:zlib'
import { chooseCoding, type Coding } from '../../../src/l7/stages/compress/accept-encoding.ts'
import { compressOnce, compressWhole } from '../../../src/l7/stages/compress/encoders.ts'
import { KeptEncoder } from '../../../src/l7/stages/compress/kept-encoder.ts'
import { backend, lbOf } from './serve.ts'

const order: readonly Coding[] = ['zstd', 'br', 'gzip', 'deflate']

const decoders: Readonly<Record<string, (bytes: Buffer) => Buffer>> = {
  zstd: zstdDecompressSync,
  br: brotliDecompressSync,
  gzip: gunzipSync,
  deflate: inflateSync
}

interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly raw: Buffer
  /** Decoded. */
  readonly body: Buffer
}

async function ask(url: string, method: string, headers: Record<string, string>): Promise<Answer> {
  const request = httpRequest(url, { method, headers, agent: false }).end()
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk as Buffer)
  const raw = Buffer.concat(chunks)
  const decode = decoders[response.headers['content-encoding'] ?? '']
  const body = decode === undefined || raw.length === 0 ? raw : decode(raw)
  return { status: response.statusCode!, headers: response.headers, raw, body }
}

function textOf(bytes: number): Buffer {
  let text = ''
  for (let i = 0; text.length < bytes; i++) text += `line ${i} of ${(i * 7919) % 1009}\n`
  return Buffer.from(text.slice(0, bytes))
}

t.test('the coding is chosen by weight, then by the order of the server', (t) => {
  const cases: Record<string, Coding | undefined> = {
    '': undefined,
    'gzip, deflate, br, zstd': 'zstd',
    'gzip, deflate, br': 'br',
    'gzip;q=1.0, br;q=0.5': 'gzip',
    'GZIP': 'gzip',
    'x-gzip': 'gzip',
    '*': 'zstd',
    '*;q=0.5, zstd;q=0': 'br',
    'zstd;q=0, br;q=0, gzip;q=0, *;q=0': undefined,
    'identity': undefined,
    'identity;q=1, gzip;q=0.5': undefined,
    'identity;q=0, gzip;q=0.1': 'gzip',
    'gzip;q=0.001': 'gzip',
    'gzip;q=2': undefined,
    'gzip;q=x': undefined,
    'gzip ; q=0.8 , br;q=0.9': 'br',
    'gzip;q=0, gzip': undefined,
    'snappy, lz4': undefined
  } // prettier-ignore
  for (const [accept, coding] of Object.entries(cases)) t.equal(chooseCoding(accept, order), coding, accept)
  t.equal(chooseCoding('gzip, br', ['gzip', 'br']), 'gzip')
  t.end()
})

t.test('bodies are compressed one after the other with the same memory, as if each were the first', (t) => {
  const bodies = [
    textOf(1000),
    randomBytes(65_536),
    textOf(65_536),
    Buffer.alloc(60_000),
    randomBytes(1),
    textOf(39_000)
  ]
  for (const coding of order) {
    for (let i = 0; i < 200; i++) {
      const body = bodies[(i * 7) % bodies.length]!
      // Levels that differ show whether one has been forgotten.
      const level = 1 + (i % 2) * 5
      const levels = { zstd: level, br: level, gzip: level }
      const encoded = compressWhole(coding, body, levels)
      if (!decoders[coding]!(encoded).equals(body)) t.fail(`${coding} of ${body.length} bytes`)
      const once = compressOnce(coding, body, levels)
      if (!encoded.equals(once)) t.fail(`${coding}-${level}: ${encoded.length} bytes, not ${once.length}`)
    }
  }
  const tight = new KeptEncoder(() => createGzip({ level: 1 }), constants.Z_SYNC_FLUSH)
  t.ok(tight.encode(textOf(5000), () => true))
  const odd = new KeptEncoder(() => ({ on() {} }) as never, 0)
  t.notOk(
    odd.encode(textOf(5000), () => true),
    'where Node is made another way'
  )
  t.end()
})

t.test('each answer decodes to the bytes of the origin', async (t) => {
  const sizes = [0, 1, 1023, 1024, 39_000, 65_536, 65_537, 700_000]
  const port = await backend(t, (request, response) => {
    const url = new URL(request.url!, 'http://x')
    const status = Number(url.searchParams.get('status'))
    const body = textOf(Number(url.searchParams.get('size')))
    response.setHeader('Content-Type', url.searchParams.get('type')!)
    response.setHeader('ETag', url.searchParams.get('tag')!)
    response.setHeader('Accept-Ranges', 'bytes')
    if (status === 206) {
      response.setHeader('Content-Range', `bytes 0-${body.length - 1}/${body.length * 2}`)
    }
    response.statusCode = status
    if (status === 204 || status === 304) return void response.end()
    if (url.searchParams.get('framing') === 'length') response.setHeader('Content-Length', body.length)
    else response.write(body.subarray(0, 1))
    response.end(url.searchParams.get('framing') === 'length' ? body : body.subarray(1))
  })
  const url = await lbOf(
    t,
    { compress: true, pool: 'web' },
    { pools: { web: { backends: [`127.0.0.1:${port}`] } } }
  )
  const accepts = ['', 'gzip', 'br', 'deflate', 'zstd', 'gzip;q=0', 'br;q=0.1, gzip;q=0.9', '*']
  const types = ['text/html; charset=utf-8', 'application/json', 'image/png']
  let wrong = 0
  let encoded = 0
  const cases: { accept: string; type: string; size: number; method: string; status: number; tag: string; framing: string }[] = [] // prettier-ignore
  for (const accept of accepts) {
    for (const type of types) {
      for (const size of sizes) {
        for (const method of ['GET', 'HEAD']) {
          for (const status of [200, 404, 204, 206, 304]) {
            // Every fourth of what is large, since the rest is alike.
            if (size > 65_536 && (status !== 200 || (accept === '' && method === 'HEAD'))) continue
            const tag = status === 404 ? 'W/"w"' : '"s"'
            cases.push({
              accept,
              type,
              size,
              method,
              status,
              tag,
              framing: size % 2 === 0 ? 'length' : 'chunked'
            })
          }
        }
      }
    }
  }
  const check = async (one: (typeof cases)[number]): Promise<void> => {
    const { accept, type, size, method, status, tag, framing } = one
    const query = new URLSearchParams({ type, size: String(size), status: String(status), tag, framing })
    const answer = await ask(
      `${url}/?${query.toString()}`,
      method,
      accept === '' ? {} : { 'Accept-Encoding': accept }
    )
    const bodiless = method === 'HEAD' || status === 204 || status === 304
    const wanted = bodiless ? Buffer.alloc(0) : textOf(size)
    const { headers } = answer
    const known = framing === 'length'
    const short = known && size < 1024
    const may = type !== 'image/png' && (status === 200 || status === 404) && (!known || size >= 1024)
    const expected = may ? chooseCoding(accept, order) : undefined
    const problems = [
      answer.status !== status && 'status',
      !answer.body.equals(wanted) && 'body',
      headers['content-encoding'] !== expected && `coding ${headers['content-encoding']} for ${expected}`,
      (headers.vary === 'Accept-Encoding') !==
        (type !== 'image/png' && status !== 204 && (!short || status === 206 || status === 304)) &&
        `vary ${headers.vary}`,
      headers.etag !== (expected !== undefined && tag === '"s"' ? 'W/"s"' : tag) && 'etag',
      (headers['accept-ranges'] === undefined) !== (expected !== undefined) && 'accept-ranges',
      expected !== undefined && headers['content-length'] === String(size) && 'length of identity'
    ].filter((problem) => problem !== false)
    if (expected !== undefined) encoded++
    if (problems.length > 0 && wrong++ < 5) t.fail(JSON.stringify(one), { problems, headers })
  }
  for (let i = 0; i < cases.length; i += 32) await Promise.all(cases.slice(i, i + 32).map(check))
  t.equal(wrong, 0, `${cases.length} answers, ${encoded} of them encoded`)
  t.ok(encoded > 200)
})

/** A backend that answers `fields` and a text of 4,000 bytes. */
async function one(t: Test, fields: Record<string, string>, compress: unknown = true): Promise<string> {
  const port = await backend(t, (_request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/plain', ...fields }).end(textOf(4000))
  })
  const pools = { web: { backends: [`127.0.0.1:${port}`] } }
  return lbOf(t, { compress, pool: 'web' }, { pools })
}

t.test('what must stay as it is stays', async (t) => {
  const gzip = { 'Accept-Encoding': 'gzip' }
  const kept: Record<string, string>[] = [
    { 'Content-Encoding': 'compress' },
    { 'Cache-Control': 'max-age=5, No-Transform' },
    { 'Content-Type': 'text/event-stream' }
  ]
  for (const fields of kept) {
    const answer = await ask(await one(t, fields), 'GET', gzip)
    t.not(answer.headers['content-encoding'], 'gzip', JSON.stringify(fields))
    t.equal(answer.headers.vary, undefined)
    t.strictSame(answer.raw, textOf(4000))
  }
  const url = await one(t, { Vary: 'Accept-Language', ETag: '"a"', Digest: 'x' })
  const crossSite = { ...gzip, 'Sec-Fetch-Site': 'cross-site' }
  const secret = await ask(url, 'GET', { ...crossSite, Cookie: 'a=b' })
  t.equal(secret.headers['content-encoding'], undefined, 'an answer to a cookie of another site')
  t.equal(secret.headers.vary, 'Accept-Language, Accept-Encoding')
  const open = await ask(url, 'GET', crossSite)
  t.match(open.headers, { 'content-encoding': 'gzip', vary: 'Accept-Language, Accept-Encoding' })
  t.equal(open.headers.digest, undefined)
})

t.test('a 304 names the tag of the encoded copy', async (t) => {
  const port = await backend(t, (request, response) => {
    const known = request.headers['if-none-match']?.includes('"a"') === true
    response.writeHead(known ? 304 : 200, { 'Content-Type': 'text/plain', ETag: '"a"' })
    response.end(known ? undefined : textOf(4000))
  })
  const url = await lbOf(
    t,
    { compress: { algorithms: ['gzip'] }, pool: 'web' },
    { pools: { web: { backends: [`127.0.0.1:${port}`] } } }
  )
  const gzip = { 'Accept-Encoding': 'gzip' }
  const first = await ask(url, 'GET', gzip)
  t.equal(first.headers.etag, 'W/"a"')
  const again = await ask(url, 'GET', { ...gzip, 'If-None-Match': 'W/"a"' })
  t.match(again, { status: 304, headers: { etag: 'W/"a"', vary: 'Accept-Encoding' } })
  t.equal((await ask(url, 'GET', { 'If-None-Match': '"a"' })).headers.etag, '"a"')
})

t.test(
  'events of a stream that is asked for go out one by one, and a body that drips is not held back',
  async (t) => {
    const port = await backend(t, (request, response) => {
      response.writeHead(200, {
        'Content-Type': request.url === '/events' ? 'text/event-stream' : 'text/plain'
      })
      response.write('data: 0\n\n')
      request.on('close', () => response.end())
      response.on('next', (i: number) => response.write(`data: ${i}\n\n`))
      open.push(response)
    })
    const open: { emit(name: string, value: number): void }[] = []
    for (const [path, coding] of [
      ['/events', 'gzip'],
      ['/drip', 'gzip'],
      ['/events', 'zstd'],
      ['/events', 'br']
    ] as const) {
      // prettier-ignore
      const url = await lbOf(
      t,
      { compress: { types: ['text/event-stream', 'text/plain'] }, pool: 'web' },
      { pools: { web: { backends: [`127.0.0.1:${port}`] } } }
    )
      const request = httpRequest(`${url}${path}`, {
        agent: false,
        headers: { 'Accept-Encoding': coding }
      }).end()
      const [response] = (await once(request, 'response')) as [IncomingMessage]
      t.equal(response.headers['content-encoding'], coding)
      if (coding !== 'gzip') {
        for (let i = 1; i < 5; i++) {
          await once(response, 'data')
          open.at(-1)!.emit('next', i)
        }
        t.pass(`${coding}: each event brings the next`)
      } else {
        const gunzip = response.pipe(createGunzip())
        for (let i = 0; i < 5; i++) {
          const [bytes] = (await once(gunzip, 'data')) as [Buffer]
          t.equal(String(bytes), `data: ${i}\n\n`, path)
          open.at(-1)!.emit('next', i + 1)
        }
      }
      request.destroy()
    }
  }
)

t.test(
  'a hit of the cache is compressed once per coding, and stays identity for who wants that',
  async (t) => {
    let asked = 0
    const sizes = { '/small': 2000, '/large': 300_000, '/noise': 2000 }
    const noise = Buffer.from(Array.from({ length: 2000 }, () => Math.floor(Math.random() * 256)))
    const port = await backend(t, (request, response) => {
      asked++
      const path = request.url as keyof typeof sizes
      response
        .writeHead(200, { 'Content-Type': 'text/plain', 'Cache-Control': 'max-age=60', ETag: '"v"' })
        .end(path === '/noise' ? noise : textOf(sizes[path]))
    })
    const url = await lbOf(
      t,
      { routes: [{ match: {}, pool: 'web', compress: true, cache: { store: 'main' } }] },
      {
        pools: { web: { backends: [`127.0.0.1:${port}`] } },
        caches: { main: { maxBytes: '16mb', maxObjectBytes: '1mb' } }
      }
    )
    for (const [path, size] of Object.entries(sizes)) {
      const body = path === '/noise' ? noise : textOf(size)
      t.strictSame((await ask(url + path, 'GET', {})).raw, body)
      for (const accept of ['gzip', 'zstd', 'gzip', 'br', 'zstd', 'gzip', 'identity', 'gzip']) {
        const { headers, body: got, raw } = await ask(url + path, 'GET', { 'Accept-Encoding': accept })
        t.ok(got.equals(body), `${path} ${accept}`)
        t.match(headers['cache-status'], /hit/)
        t.equal(headers.vary, 'Accept-Encoding')
        const coding = accept === 'identity' ? undefined : accept
        t.equal(headers['content-encoding'], coding)
        t.equal(headers.etag, coding === undefined ? '"v"' : 'W/"v"')
        if (path === '/small') t.equal(headers['content-length'], String(raw.length), 'with its length')
      }
      // From here on it is known before the head goes out: it is not made again.
      const last = await ask(url + path, 'GET', { 'Accept-Encoding': 'gzip' })
      t.equal(last.headers['content-length'], String(last.raw.length), `${path} has its length`)
      const part = await ask(url + path, 'GET', { 'Accept-Encoding': 'gzip', Range: 'bytes=0-9' })
      t.match(part, { status: 206, headers: { 'content-encoding': undefined } })
      t.strictSame(part.raw, body.subarray(0, 10))
    }
    t.equal(asked, 3)
  }
)

t.test('an encoded body outlives a 304, and goes when another is stored in its place', async (t) => {
  let body = textOf(300_000)
  let tag = '"1"'
  let confirmed = 0
  const port = await backend(t, (request, response) => {
    const known = request.headers['if-none-match'] === tag
    if (known) confirmed++
    response.writeHead(known ? 304 : 200, {
      'Content-Type': 'text/plain',
      'Cache-Control': 'no-cache',
      ETag: tag
    })
    response.end(known ? undefined : body)
  })
  const url = await lbOf(
    t,
    { routes: [{ match: {}, pool: 'web', compress: true, cache: { store: 'main' } }] },
    {
      pools: { web: { backends: [`127.0.0.1:${port}`] } },
      caches: { main: { maxBytes: '16mb', maxObjectBytes: '1mb' } }
    }
  )
  const zstd = { 'Accept-Encoding': 'zstd' }
  for (const change of ['', 'changed ']) {
    body = Buffer.concat([Buffer.from(change), body])
    tag = `"${change.length}"`
    for (let i = 0; i < 4; i++) {
      const answer = await ask(url, 'GET', zstd)
      t.ok(answer.body.equals(body))
      // Made on the way, it has no length beforehand: the first passes by, the second is kept.
      t.equal(
        answer.headers['content-length'],
        i < 2 ? undefined : String(answer.raw.length),
        `${change}${i}`
      )
    }
  }
  t.equal(confirmed, 6)
})

t.test('a digest of the identity in a trailer does not go with an encoded body', async (t) => {
  const port = await backend(t, (_request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/plain', Trailer: 'Content-Digest, X-Sum' })
    response.addTrailers({ 'Content-Digest': 'sha-256=:AA==:', 'X-Sum': '7' })
    response.end(textOf(4000))
  })
  const url = await lbOf(
    t,
    { compress: true, pool: 'web' },
    { pools: { web: { backends: [`127.0.0.1:${port}`] } } }
  )
  for (const [accept, expected] of [
    ['gzip', { 'x-sum': '7' }],
    ['identity', { 'x-sum': '7', 'content-digest': 'sha-256=:AA==:' }]
  ] as const) {
    const headers = { 'Accept-Encoding': accept, TE: 'trailers', Connection: 'TE' }
    const request = httpRequest(url, { headers, agent: false }).end()
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    await once(response.resume(), 'end')
    t.strictSame({ ...response.trailers }, expected)
  }
})

t.test(
  'a client that leaves or reads slowly stops the compressor, and a backend that breaks off is seen',
  async (t) => {
    let written = 0
    let closed = 0
    const block = Buffer.from(Array.from({ length: 65_536 }, () => Math.floor(Math.random() * 256)))
    const port = await backend(t, (request, response) => {
      response.writeHead(200, { 'Content-Type': 'text/plain' })
      if (request.url === '/break') {
        response.write(textOf(100_000), () => response.destroy())
        return
      }
      const more = (): void => {
        while (!response.destroyed) {
          written += block.length
          if (!response.write(block)) break
        }
      }
      response.on('drain', more)
      response.on('close', () => closed++)
      more()
    })
    const url = await lbOf(
      t,
      { compress: true, pool: 'web' },
      { pools: { web: { backends: [`127.0.0.1:${port}`] } } }
    )
    const request = httpRequest(url, { agent: false, headers: { 'Accept-Encoding': 'gzip' } }).end()
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    response.pause()
    let before = -1
    while (before !== written) {
      before = written
      await sleep(300)
    }
    t.ok(written < 64 * 1024 * 1024, `the backend was held back after ${written} bytes`)
    request.destroy()
    while (closed === 0) await sleep(10)
    t.pass('the backend is let go')
    await t.rejects(ask(`${url}/break`, 'GET', { 'Accept-Encoding': 'gzip' }))
  }
)
