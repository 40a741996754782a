import t, { type Test } from 'tap'
import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { randomBytes } from 'node:crypto'
import { createGunzip, gunzipSync, zstdDecompressSync } from 'node:zlib'
import { BodyBuffers } from '../../../src/l7/stages/compress/body-buffers.ts'
import { backend, lbOf } from './serve.ts'

/** Of base64, which stays long. */
function bodyOf(bytes: number): Buffer {
  return Buffer.from(randomBytes(bytes).toString('base64').slice(0, bytes))
}

async function lbFor(
  t: Test,
  answer: (request: IncomingMessage, response: ServerResponse) => void
): Promise<string> {
  const port = await backend(t, answer)
  return lbOf(t, { compress: true, pool: 'web' }, { pools: { web: { backends: [`127.0.0.1:${port}`] } } })
}

async function responseTo(url: string, coding = 'gzip'): Promise<IncomingMessage> {
  const request = httpRequest(url, { headers: { 'Accept-Encoding': coding }, agent: false }).end()
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  return response
}

async function bytesOf(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

t.test('a small body goes out in one piece with its length, whether its own was known or not', async (t) => {
  const bodies = [1024, 9000, 39_000, 65_536].map(bodyOf)
  const url = await lbFor(t, (request, response) => {
    const [, framing, index] = request.url!.split('/')
    const body = bodies[Number(index)]!
    response.setHeader('Content-Type', 'text/plain')
    if (framing === 'length') response.setHeader('Content-Length', body.length)
    response.write(body.subarray(0, 500))
    response.end(body.subarray(500))
  })
  for (const framing of ['length', 'chunked']) {
    for (const [i, body] of bodies.entries()) {
      for (const [coding, decode] of [
        ['gzip', gunzipSync],
        ['zstd', zstdDecompressSync]
      ] as const) {
        const response = await responseTo(`${url}/${framing}/${i}`, coding)
        const raw = await bytesOf(response)
        t.ok(decode(raw).equals(body), `${framing} ${body.length} ${coding}`)
        // On a machine that stands still for 30 ms the head goes out first.
        const length = response.headers['content-length']
        if (length !== undefined) t.equal(length, String(raw.length))
        else t.equal(response.headers['transfer-encoding'], 'chunked')
      }
    }
  }
})

t.test('the head of a body that takes its time goes out without it', async (t) => {
  const half = Buffer.from('a'.repeat(2000))
  const waiting: ServerResponse[] = []
  const url = await lbFor(t, (request, response) => {
    response.setHeader('Content-Type', 'text/plain')
    if (request.url === '/length') response.setHeader('Content-Length', 4000)
    if (request.url === '/late') response.flushHeaders()
    else response.write(half)
    waiting.push(response)
  })
  for (const path of ['/length', '/chunked', '/late']) {
    const response = await responseTo(url + path)
    t.equal(response.headers['transfer-encoding'], 'chunked', path)
    const gunzip = response.pipe(createGunzip())
    if (path === '/chunked') {
      const [bytes] = (await once(gunzip, 'data')) as [Buffer]
      t.strictSame(bytes, half, 'with what there is')
    }
    waiting.pop()!.end(half)
    let rest = 0
    for await (const bytes of gunzip) rest += (bytes as Buffer).length
    t.equal(rest, path === '/length' ? 4000 : 2000)
  }
})

t.test('a body that is cut short is seen to be, though nothing of it had gone out', async (t) => {
  const url = await lbFor(t, (request, response) => {
    response.setHeader('Content-Type', 'text/plain')
    if (request.url === '/length') response.setHeader('Content-Length', 4000)
    response.write('a'.repeat(2000), () => response.destroy())
  })
  for (const path of ['/length', '/chunked']) {
    const response = await responseTo(url + path)
    t.equal(response.statusCode, 200)
    await t.rejects(bytesOf(response), { code: 'ECONNRESET' }, path)
  }
})

t.test('bodies that wait for a slow client are not written over by those of others', async (t) => {
  const bodies = Array.from({ length: 16 }, () => bodyOf(60_000))
  let served = 0
  const url = await lbFor(t, (request, response) => {
    served++
    response.setHeader('Content-Type', 'text/plain')
    response.end(bodies[Number(request.url!.slice(1)) % bodies.length])
  })
  const { port, hostname } = new URL(url)
  const count = 1500
  const slow = connect(Number(port), hostname)
  t.teardown(() => slow.destroy())
  await once(slow, 'connect')
  const requests = Array.from({ length: count }, (_, i) => {
    const close = i === count - 1 ? 'Connection: close\r\n' : ''
    return `GET /${i} HTTP/1.1\r\nHost: x\r\nAccept-Encoding: zstd\r\n${close}\r\n`
  })
  slow.pause()
  slow.write(requests.join(''))
  // Others come until the slow one has filled what the kernel takes: then its answers stand still.
  for (let before = -1, still = 0; still < 20;) {
    const response = await responseTo(`${url}/${still}`, 'zstd')
    t.ok(zstdDecompressSync(await bytesOf(response)).equals(bodies[still % bodies.length]!))
    const ofSlow = --served
    still = ofSlow === before ? still + 1 : 0
    before = ofSlow
  }
  t.ok(served < count, `${served} of ${count} asked for when it stood still`)
  slow.resume()
  const chunks: Buffer[] = []
  for await (const chunk of slow) chunks.push(chunk as Buffer)
  const all = Buffer.concat(chunks)
  let at = 0
  for (let i = 0; i < count; i++) {
    const head = all.indexOf('\r\n\r\n', at) + 4
    const length = Number(/content-length: (\d+)/i.exec(all.toString('latin1', at, head))?.[1])
    at = head + length
    const body = zstdDecompressSync(all.subarray(head, at))
    if (!body.equals(bodies[i % bodies.length]!)) t.fail(`body ${i}`)
  }
  t.equal(at, all.length, `${count} bodies are whole`)
})

t.test('memory for bodies is used again', (t) => {
  const buffers = new BodyBuffers()
  for (const [bytes, size] of [
    [0, 1024],
    [1, 1024],
    [1024, 1024],
    [1025, 2048],
    [39_000, 65_536],
    [65_536, 65_536]
  ] as const) {
    // prettier-ignore
    const buffer = buffers.take(bytes)
    t.equal(buffer.length, size)
    buffers.give(buffer)
    t.equal(buffers.take(size), buffer)
  }
  const many = Array.from({ length: 100 }, () => buffers.take(5000))
  for (const buffer of many) buffers.give(buffer)
  const again = Array.from({ length: 100 }, () => buffers.take(5000))
  t.equal(again.filter((buffer) => many.includes(buffer)).length, 16, 'no more are kept than that')
  t.end()
})
