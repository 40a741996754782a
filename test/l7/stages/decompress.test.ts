import {
  brotliCompressSync,
  constants,
  createZstdCompress,
  deflateSync,
  gzipSync,
  zstdCompressSync
} from 'node:zlib'
import { randomBytes } from 'node:crypto'
import { connect, createServer as createHttp2 } from 'node:http2'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { hash } from 'node:crypto'
import { backend, lbOf } from './serve.ts'

const encoders = {
  gzip: gzipSync,
  deflate: deflateSync,
  br: (bytes: Buffer) => brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 2 } }),
  zstd: zstdCompressSync
}

/** Tells what it got: fields that matter, the body's length and hash. */
async function witness(t: Test): Promise<number> {
  return backend(t, (request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('error', () => {})
    request.on('end', () => {
      const body = Buffer.concat(parts)
      const { headers } = request
      response.end(
        JSON.stringify({
          coding: headers['content-encoding'] ?? '',
          length: headers['content-length'] ?? '',
          bytes: body.length,
          hash: hash('sha256', body)
        })
      )
    })
  })
}

interface Seen {
  readonly coding: string
  readonly bytes: number
  readonly hash: string
}

async function rig(t: Test, decompress: unknown = true): Promise<string> {
  const port = await witness(t)
  return lbOf(
    t,
    { pool: 'web', decompress, protocols: ['h2', 'http/1.1'] },
    { pools: { web: { backends: [`127.0.0.1:${port}`] } } }
  )
}

async function post(
  url: string,
  body: Uint8Array | AsyncIterable<Uint8Array>,
  coding: string
): Promise<Response> {
  return fetch(url, { method: 'POST', body, headers: { 'content-encoding': coding }, duplex: 'half' } as RequestInit) // prettier-ignore
}

/** Piece by piece, each in a read of its own for the most part. */
async function* slowly(pieces: readonly Uint8Array[]): AsyncIterable<Uint8Array> {
  for (const piece of pieces) {
    yield piece
    await sleep(pieces.length > 10 ? 0 : 5)
  }
}

function* chunksOf(bytes: Buffer, size: number): Iterable<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

t.test('a body of every coding reaches the backend as it was before it was encoded', async (t) => {
  const url = await rig(t)
  for (const [coding, encode] of Object.entries(encoders)) {
    for (const size of [0, 1, 1000, 1_000_000]) {
      const body = Buffer.concat([randomBytes(size / 2), Buffer.alloc(Math.ceil(size / 2), 'text ')])
      const seen = (await (await post(url, encode(body), coding)).json()) as Seen
      t.match(seen, { coding: '', bytes: body.length, hash: hash('sha256', body) }, `${coding} of ${size}`)
    }
  }
  const plain = (await (await post(url, Buffer.from('as it is'), 'identity')).json()) as Seen
  t.match(plain, { coding: '', bytes: 8 })
})

t.test('what is longer decoded than the buffer of requests goes on', async (t) => {
  const port = await witness(t)
  const url = await lbOf(
    t,
    { pool: 'web', decompress: true, buffer: { request: '50kb' }, protocols: ['h2', 'http/1.1'] },
    { pools: { web: { backends: [`127.0.0.1:${port}`] } } }
  )
  for (const size of [51_200, 51_201, 65_537, 100_000, 1_000_000]) {
    const body = Buffer.alloc(size, 'text ')
    const answer = await fetch(url, {
      method: 'POST',
      body: gzipSync(body),
      headers: { 'content-encoding': 'gzip' },
      signal: AbortSignal.timeout(30_000)
    })
    t.match(await answer.json(), { coding: '', bytes: size, hash: hash('sha256', body) }, `${size}`)
  }
})

t.test('an invalid encoded body is refused: 400, 415, and bombs 413', async (t) => {
  const url = await rig(t, { maxBytes: '4mb', ratio: 50 })
  const whole = gzipSync(randomBytes(100_000))
  t.equal((await post(url, whole.subarray(0, 50_000), 'gzip')).status, 400, 'it breaks off')
  t.equal((await post(url, Buffer.from('no gzip at all'), 'gzip')).status, 400)
  const unknown = await post(url, whole, 'lzma')
  t.equal(unknown.status, 415)
  t.match(unknown.headers.get('accept-encoding'), /gzip.*br/)
  t.equal((await post(url, gzipSync(whole), 'gzip, gzip')).status, 415, 'one inside another')
  for (const [coding, encode] of Object.entries(encoders)) {
    t.equal((await post(url, encode(Buffer.alloc(20_000_000)), coding)).status, 413, `a bomb of ${coding}`)
  }
  for (const [coding, encode] of Object.entries(encoders)) {
    const junk = Buffer.concat([encode(Buffer.alloc(1000)), Buffer.from('junk')])
    t.equal((await post(url, junk, coding)).status, 400, `something behind the end of ${coding}`)
    const much = Buffer.concat([encode(Buffer.alloc(1000)), randomBytes(300_000)])
    t.equal((await post(url, much, coding)).status, 400, `much behind the end of ${coding}`)
    t.equal(
      (await post(url, encode(Buffer.alloc(1000)).subarray(0, -3), coding)).status,
      400,
      `${coding} cut`
    )
  }
  const wide = createZstdCompress({ params: { [constants.ZSTD_c_windowLog]: 27 } })
  wide.write('x')
  await new Promise<void>((resolve) => wide.flush(resolve))
  wide.end('y')
  const frame = Buffer.concat(await wide.toArray())
  t.ok(frame.length < 100)
  t.equal((await post(url, frame, 'zstd')).status, 400, 'a frame that asks for a window of 128 MB')
  t.equal(
    (await post(url, gzipSync(Buffer.alloc(3_000_000)), 'gzip')).status,
    413,
    'under maxBytes, over the ratio'
  )
  t.equal((await post(url, gzipSync(randomBytes(5_000_000)), 'gzip')).status, 413, 'over maxBytes')
  t.equal((await post(url, gzipSync(Buffer.alloc(900_000)), 'gzip')).status, 200, 'too small to be a bomb')
})

t.test('several zstd frames (RFC 8878) and gzip members (RFC 1952) are one body, however they are cut', async (t) => {
  const url = await rig(t)
  const parts = [randomBytes(100), Buffer.alloc(70_000, 'frame '), Buffer.alloc(0), randomBytes(40_000), Buffer.from('end')]
  const body = Buffer.concat(parts)
  /** RFC 8878 §3.1.2: what decoders skip. */
  const skipped = Buffer.from([0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3])
  const encoded = {
    zstd: [skipped, ...parts.map((part) => zstdCompressSync(part)), skipped],
    gzip: parts.map((part) => gzipSync(part))
  }
  for (const [coding, frames] of Object.entries(encoded)) {
    const whole = Buffer.concat(frames)
    const first = frames[0]!.length
    const cuts = [[whole], frames, [whole.subarray(0, first + 1), whole.subarray(first + 1)], [...chunksOf(whole, 997)]]
    for (const [at, pieces] of cuts.entries()) {
      const seen = (await (await post(url, slowly(pieces), coding)).json()) as Seen
      t.match(seen, { bytes: body.length, hash: hash('sha256', body) }, `${coding}, cut ${at}`)
    }
    const broken = Buffer.concat([...frames, frames[1]!.subarray(0, 20)])
    t.equal((await post(url, broken, coding)).status, 400, `the last of ${coding} breaks off`)
    t.equal((await post(url, Buffer.concat([...frames, Buffer.from('junk')]), coding)).status, 400)
  }
  const bombs = Buffer.concat(Array<Buffer>(20).fill(zstdCompressSync(Buffer.alloc(1_000_000))))
  t.equal((await post(url, bombs, 'zstd')).status, 413, 'they count together')
  const crumbs = Buffer.concat(Array<Buffer>(5000).fill(zstdCompressSync(Buffer.from('x'))))
  t.equal((await post(url, crumbs, 'zstd')).status, 400, 'each takes a decoder')
  t.equal((await post(url, Buffer.concat([brotliCompressSync('a'), brotliCompressSync('b')]), 'br')).status, 400)
}) // prettier-ignore

t.test('bodies that stand still give up their memory to those that come', async (t) => {
  const STALLED = 140
  let bytes = 0
  const port = await backend(t, (request, response) => {
    request.on('error', () => {})
    request.on('data', (part: Buffer) => (bytes += part.length))
    request.on('end', () => response.end('whole'))
  })
  const url = await lbOf(
    t,
    { pool: 'web', decompress: true, protocols: ['h2', 'http/1.1'] },
    { pools: { web: { backends: [`127.0.0.1:${port}`] } } }
  )
  const start = zstdCompressSync(Buffer.alloc(1_000_000)).subarray(0, -3)
  const clients = [connect(url), connect(url)]
  t.teardown(() => clients.forEach((client) => client.destroy()))
  const answers: number[] = []
  for (let at = 0; at < STALLED; at++) {
    const stream = clients[at & 1]!.request({ ':method': 'POST', 'content-encoding': 'zstd' }).resume()
    stream.on('error', () => {}).on('response', (headers) => answers.push(Number(headers[':status'])))
    stream.write(start)
  }
  while (bytes < STALLED * 900_000 && answers.length === 0) await sleep(10)
  t.equal(answers.length, 0, 'all have begun')
  const body = zstdCompressSync(randomBytes(1000))
  const posts = Array.from({ length: 3 }, async () => (await post(url, body, 'zstd')).text())
  for (const text of await Promise.all(posts)) t.equal(text, 'whole')
  t.ok(answers.length > 0 && answers.length < STALLED / 2, `${answers.length} have given up their memory`)
  t.ok(answers.every((status) => status === 408))
})

t.test('over HTTP/2, in pieces and to a backend that reads slowly', async (t) => {
  const server = createHttp2((request, response) => {
    let bytes = 0
    const pull = (): void => {
      const part = request.read() as Buffer | null
      if (part === null) return void request.once('readable', pull)
      bytes += part.length
      setImmediate(pull)
    }
    pull()
    request.on('end', () => response.end(String(bytes)))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const url = await lbOf(
    t,
    { pool: 'web', decompress: true, protocols: ['h2'] },
    { pools: { web: { protocol: 'h2c', backends: [`127.0.0.1:${(server.address() as AddressInfo).port}`] } } }
  )
  const client = connect(url)
  t.teardown(() => client.destroy())
  const stream = client.request({ ':method': 'POST', 'content-encoding': 'gzip' })
  const body = gzipSync(Buffer.concat([randomBytes(2_000_000), Buffer.alloc(6_000_000)]))
  for (let at = 0; at < body.length; at += 10_007) stream.write(body.subarray(at, at + 10_007))
  stream.end()
  let text = ''
  stream.setEncoding('latin1').on('data', (part: string) => (text += part))
  await once(stream, 'close')
  t.equal(text, '8000000')
})
