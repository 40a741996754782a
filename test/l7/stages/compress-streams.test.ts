import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { platform } from 'node:os'
import { request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http'
import {
  constants,
  createBrotliDecompress,
  createGunzip,
  createZstdDecompress,
  gunzipSync,
  zstdDecompressSync
} from 'node:zlib'
import t from 'tap'
import { systemClock } from '../../../src/core/clock.ts'
import { compressStream } from '../../../src/l7/stages/compress/encoders.ts'
import { StreamEncoder } from '../../../src/l7/stages/compress/stream-encoder.ts'
import { backend, lbOf } from './serve.ts'

const EVENTS = 5
const decoders = { gzip: createGunzip, br: createBrotliDecompress, zstd: createZstdDecompress }
const codings = Object.keys(decoders) as (keyof typeof decoders)[]

async function ask(url: string, headers: Record<string, string>): Promise<IncomingMessage> {
  const [response] = (await once(httpRequest(url, { headers, agent: false }).end(), 'response')) as [
    IncomingMessage
  ]
  return response
}

t.test('each event of 50 compressed streams is there before the next one is sent', async (t) => {
  const streams = new Map<string, ServerResponse>()
  const send = (id: string, event: number): void => {
    streams.get(id)!.write(`id: ${event}\ndata: ${'x'.repeat(40)}\n\n`)
  }
  const port = await backend(t, (request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream' })
    streams.set(request.url!, response)
    send(request.url!, 0)
  })
  const compress = { types: ['text/event-stream'], algorithms: codings }
  const pools = { web: { backends: [`127.0.0.1:${port}`] } }
  const url = await lbOf(t, { compress, pool: 'web' }, { pools })
  const read = async (index: number): Promise<string> => {
    const id = `/${index}`
    const coding = codings[index % codings.length]!
    const response = await ask(url + id, { 'accept-encoding': coding })
    if (response.headers['content-encoding'] !== coding) return 'not compressed'
    let text = ''
    let seen = 0
    for await (const part of response.pipe(decoders[coding]())) {
      text += String(part)
      // Nothing more comes until what came could be read: an event that is held back holds its stream up for good.
      while (text.split('\n\n').length - 1 > seen) {
        seen++
        if (seen === EVENTS) streams.get(id)!.end()
        else send(id, seen)
      }
    }
    return [...text.matchAll(/id: (\d+)/g)].map(([, event]) => event).join(',')
  }
  const all = await Promise.all(Array.from({ length: 50 }, (_, index) => read(index)))
  t.strictSame(all, Array(50).fill('0,1,2,3,4'))
})

/** Told by a process of its own: how many MB a stream holds for a long body, of Brotli, of zstd, and of zstd for events. */
const MEMORY = `
  import { readFileSync } from 'node:fs'
  import { randomBytes } from 'node:crypto'
  import { compressStream } from './src/l7/stages/compress/encoders.ts'
  const megabytes = () => Number(/VmRSS:\\s+(\\d+)/.exec(readFileSync('/proc/self/status', 'latin1'))[1]) / 1024
  const text = Buffer.from(randomBytes(30_000).toString('base64'))
  const held = []
  const all = [[4, 'br', 4e6, false], [6, 'br', 4e6, false], [9, 'br', 4e6, false]]
  for (const level of [4, 9]) all.push([level, 'zstd', -1, false], [level, 'zstd', 4e6, false], [level, 'zstd', -1, true])
  for (const [level, coding, length, events] of all) {
    const before = megabytes()
    const streams = Array.from({ length: 40 }, () => compressStream(coding, { [coding]: level }, length, events).resume())
    held.push(streams)
    await Promise.all(streams.map((stream) => new Promise((resolve) => {
      for (let i = 0; i < 4; i++) stream.write(text)
      stream.flush(resolve)
    })))
    console.log((megabytes() - before) / streams.length)
  }
` // prettier-ignore

t.test('a stream of Brotli or zstd takes no more memory for a long body or a high level', { skip: platform() !== 'linux' }, async (t) => {
  const child = spawn(process.execPath, ['--input-type=module', '-e', MEMORY], { stdio: ['ignore', 'pipe', 'inherit'] })
  const all = String(Buffer.concat(await child.stdout.toArray() as Buffer[])).trim().split('\n').map(Number)
  t.equal(all.length, 9)
  for (const each of all.slice(0, 3)) t.ok(each > 0.3 && each < 3.3, `br: ${each} MB each`)
  for (const each of all.slice(3)) t.ok(each > 0 && each < 2.3, `zstd: ${each} MB each`)
}) // prettier-ignore

t.test('a stream of zstd is one frame, also when its end comes while writes or a flush wait', async (t) => {
  const text = Buffer.from('{"a":1,"b":"text"}\n'.repeat(3000))
  // A frame's magic number (RFC 8878 §3.1.1); some clients fail at a second frame, even at an empty one.
  const magic = Buffer.from('28b52ffd', 'hex')
  for (const events of [false, true]) {
    for (const writes of [0, 1, 3]) {
      const parts: Buffer[] = []
      await new Promise<void>((resolve, reject) => {
        const output = {
          write: (bytes: Buffer) => parts.push(Buffer.from(bytes)) > 0,
          end: () => resolve(),
          fail: reject,
          ready: () => {}
        }
        const compressor = compressStream('zstd', { zstd: 1, br: 4, gzip: 4 }, -1, events)
        const flushKind = constants.ZSTD_e_flush
        const owner = { onInternalError: () => '' }
        const encoder = new StreamEncoder({ compressor, flushKind, events, clock: systemClock, owner, output: output as never }) // prettier-ignore
        for (let i = 0; i < writes; i++) {
          encoder.write(text, 0, text.length)
          encoder.flush()
        }
        encoder.end('')
      })
      const bytes = Buffer.concat(parts)
      t.strictSame([bytes.indexOf(magic), bytes.indexOf(magic, 1)], [0, -1], `${writes} writes`)
      t.ok(zstdDecompressSync(bytes).equals(Buffer.concat(Array<Buffer>(writes).fill(text))))
    }
  }
})

t.test("a response stored and compressed for all clients has no client's cookie", async (t) => {
  const body = 'text that is the same for all. '.repeat(200)
  let asked = 0
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    asked++
    response.setHeader('Content-Type', 'text/plain').setHeader('ETag', '"a"')
    if (request.url === '/own') response.setHeader('Set-Cookie', `session=${asked}`)
    response.setHeader('Cache-Control', 'max-age=60').end(body)
  }
  const ports = [await backend(t, answer), await backend(t, answer)]
  const url = await lbOf(
    t,
    { compress: true, routes: [{ match: {}, pool: 'web', cache: { store: 'main' } }] },
    {
      pools: {
        web: { backends: ports.map((port) => `127.0.0.1:${port}`), sticky: { cookie: 'lb_backend', ttl: '1h' } }
      },
      caches: { main: { maxBytes: '16mb' } }
    }
  ) // prettier-ignore
  const first = await ask(`${url}/`, { 'accept-encoding': 'gzip' })
  t.match(first.headers['set-cookie']?.[0], /^lb_backend=/, 'who was sent to a backend comes back to it')
  const theirs = first.headers['set-cookie']![0]!.split(';', 1)[0]!
  first.resume()
  await once(first, 'close')
  const clients: Record<string, string>[] = [
    {},
    { cookie: theirs },
    { cookie: 'lb_backend=other' },
    { 'if-none-match': 'W/"a"' }
  ]
  for (const fields of clients) {
    for (const coding of ['gzip', 'identity']) {
      const hit = await ask(`${url}/`, { 'accept-encoding': coding, ...fields })
      const bytes = Buffer.concat((await hit.toArray()) as Buffer[])
      t.equal(hit.headers['set-cookie'], undefined, JSON.stringify(fields))
      t.match(hit.headers['cache-status'], /hit/)
      if (hit.statusCode === 304) continue
      t.equal(String(coding === 'gzip' ? gunzipSync(bytes) : bytes), body)
    }
  }
  t.equal(asked, 1)
  const sessions = new Set<string>()
  for (let i = 0; i < 3; i++) {
    const own = await ask(`${url}/own`, { 'accept-encoding': 'gzip' })
    const cookies = own.headers['set-cookie'] ?? []
    const session = cookies.find((cookie) => cookie.startsWith('session='))
    if (session !== undefined) sessions.add(session)
    t.equal(String(gunzipSync(Buffer.concat((await own.toArray()) as Buffer[]))), body)
  }
  t.equal(sessions.size, 3, 'an answer with a cookie is not stored')
})
