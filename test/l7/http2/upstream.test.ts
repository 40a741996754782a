import { once } from 'node:events'
import { createServer, constants, connect, type Http2Server, type IncomingHttpHeaders, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2' // prettier-ignore
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { startLab, type Lab } from '../engine/lab.ts'

// HTTP/2 in clear text to backends, whatever the client speaks. node:http2 is the backend.

type Handler = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void

interface Origin {
  readonly address: string
  readonly sessions: ServerHttp2Session[]
  readonly server: Http2Server
}

async function origin(t: Test, handle: Handler, settings: object = {}): Promise<Origin> {
  const server = createServer({ settings })
  const sessions: ServerHttp2Session[] = []
  server.on('session', (session) => {
    sessions.push(session)
    session.on('error', () => {})
  })
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {})
    handle(stream, headers)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const session of sessions) session.destroy()
    server.close()
  })
  return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, sessions, server }
}

async function through(t: Test, backends: Origin[], pool: object = {}, listener: object = {}): Promise<Lab> {
  const lab = await startLab({
    listeners: [{ bind: '127.0.0.1:0', mode: 'l7', protocols: ['h2', 'http/1.1'], pool: 'web', ...listener }],
    pools: { web: { protocol: 'h2c', backends: backends.map(({ address }) => address), ...pool } }
  })
  t.teardown(() => lab.close())
  return lab
}

async function fetchText(
  lab: Lab,
  path: string,
  init: RequestInit = {}
): Promise<{ status: number; body: string; headers: Headers }> {
  const response = await fetch(`http://127.0.0.1:${lab.port}${path}`, init)
  return { status: response.status, body: await response.text(), headers: response.headers }
}

async function eventually(t: Test, holds: () => boolean, what: string): Promise<void> {
  for (let i = 0; i < 3000 && !holds(); i++) await sleep(10)
  t.ok(holds(), what)
}

const echo: Handler = (stream, headers) => {
  const parts: Buffer[] = []
  stream.on('data', (part: Buffer) => parts.push(part))
  stream.on('end', () => {
    if (stream.destroyed) return
    const body = Buffer.concat(parts)
    stream.respond({ ':status': 200, 'x-seen': `${headers[':method']} ${headers[':path']} ${headers[':authority']} ${headers[':scheme']}`, 'x-names': Object.keys(headers).join(' ') }, { waitForTrailers: true }) // prettier-ignore
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': String(body.length) }))
    stream.end(body)
  })
}

t.test('a request of HTTP/1.1 goes over HTTP/2 and comes back', async (t) => {
  const backend = await origin(t, echo)
  const lab = await through(t, [backend])
  const { status, body, headers } = await fetchText(lab, '/a?b', {
    method: 'POST',
    body: 'x'.repeat(300_000)
  })
  t.equal(status, 200)
  t.equal(body.length, 300_000)
  t.equal(headers.get('x-seen'), `POST /a?b 127.0.0.1:${lab.port} http`)
  t.notMatch(headers.get('x-names'), /connection|transfer-encoding|keep-alive| host/)
  t.match(await fetchText(lab, '/', { method: 'HEAD' }), { status: 200, body: '' })
  await eventually(t, () => lab.active === 0, 'every lease is back')
})

t.test('requests at once share one connection, and more are made where its streams run out', async (t) => {
  // Each is answered once so many are under way.
  let together = 1
  const held: (() => void)[] = []
  const slow: Handler = (stream) => {
    held.push(() => {
      if (!stream.destroyed) stream.respond({ ':status': 200 })
      stream.end('ok')
    })
    if (held.length < together) return
    for (const answer of held.splice(0)) answer()
    together = 1
  }
  const one = await origin(t, slow)
  const lab = await through(t, [one])
  await fetchText(lab, '/')
  together = 21
  const answers = await Promise.all(Array.from({ length: 50 }, async () => fetchText(lab, '/')))
  t.ok(answers.every(({ body }) => body === 'ok'))
  t.equal(one.sessions.length, 1)
  t.equal(together, 1, 'they were under way at once')
  const few = await origin(t, slow, { maxConcurrentStreams: 10 })
  const narrow = await through(t, [few])
  await fetchText(narrow, '/')
  together = 11
  const more = await Promise.all(Array.from({ length: 50 }, async () => fetchText(narrow, '/')))
  t.ok(more.every(({ status }) => status === 200))
  t.ok(few.sessions.length > 1 && few.sessions.length <= 6, `${few.sessions.length} connections`)
  await eventually(t, () => lab.active + narrow.active === 0, 'every lease is back')
})

t.test('maxConnections bounds the connections, and requests wait for a stream of one', async (t) => {
  const backend = await origin(t, (stream) => {
    setTimeout(() => {
      if (stream.destroyed) return
      stream.respond({ ':status': 200 })
      stream.end('ok')
    }, 20)
  }, { maxConcurrentStreams: 2 }) // prettier-ignore
  const lab = await through(t, [], { backends: [{ address: backend.address, maxConnections: 5 }], queue: { max: 100, timeout: '5s' } })
  const answers = await Promise.all(Array.from({ length: 30 }, async () => fetchText(lab, '/')))
  t.ok(answers.every(({ status }) => status === 200))
  t.ok(backend.sessions.length <= 5, `${backend.sessions.length} connections`)
}) // prettier-ignore

t.test('a request that the backend did nothing with is sent again, also a POST; no other is', async (t) => {
  let calls = 0
  const backend = await origin(t, (stream, headers) => {
    if (headers[':path'] === '/refused' && calls++ === 0)
      return stream.close(constants.NGHTTP2_REFUSED_STREAM)
    if (headers[':path'] === '/reset') {
      calls++
      return stream.close(constants.NGHTTP2_INTERNAL_ERROR)
    }
    echo(stream, headers)
  })
  const lab = await through(t, [backend])
  t.match(await fetchText(lab, '/refused', { method: 'POST', body: 'hello' }), { status: 200, body: 'hello' })
  t.equal(calls, 2)
  calls = 0
  t.match(await fetchText(lab, '/reset', { method: 'POST', body: 'hello' }), { status: 502 })
  t.equal(calls, 1)
  // The request that was refused began again before its first stream was told to have ended.
  const gauge = (state: string): number => {
    const cell = lab.metrics.gauge('lb_upstream_connections', { pool: 'web', state })
    const { values, at } = cell as unknown as { values: Float64Array; at: number }
    return values[at]!
  }
  await eventually(t, () => gauge('busy') === 0, 'no connection is busy')
  t.equal(gauge('idle'), lab.open)
})

t.test(
  'a client that closes its side when it has all bytes of the answer is closed with its end',
  async (t) => {
    let end: () => void = () => {}
    const backend = await origin(t, (stream) => {
      stream.respond({ ':status': 200, 'content-length': '5' })
      stream.write('hello')
      end = () => stream.end()
    })
    const lab = await through(t, [backend])
    const client = await lab.client()
    client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    await client.text('hello')
    client.socket.end()
    await sleep(50)
    end()
    await client.end()
    await eventually(t, () => lab.active === 0, 'every lease is back')
  }
)

t.test(
  'GOAWAY: what is under way ends there, new requests go over a new connection, and none is lost',
  async (t) => {
    const backend = await origin(t, (stream, headers) => {
      if (headers[':path'] === '/slow') {
        return void setTimeout(() => {
          stream.respond({ ':status': 200 })
          stream.end('slow')
        }, 200)
      }
      echo(stream, headers)
    })
    const lab = await through(t, [backend])
    const slow = fetchText(lab, '/slow')
    await eventually(t, () => backend.sessions.length === 1, 'connected')
    await sleep(50)
    backend.sessions[0]!.goaway(0)
    await sleep(20)
    t.match(await fetchText(lab, '/'), { status: 200 })
    t.match(await slow, { body: 'slow' })
    t.equal(backend.sessions.length, 2)
    for (let i = 0; i < 20; i++) {
      const asked = Promise.all(
        [1, 2, 3].map(async () => fetchText(lab, '/', { method: 'POST', body: 'abc' }))
      )
      backend.sessions.at(-1)!.close()
      t.ok((await asked).every(({ status }) => status === 200))
    }
    await eventually(t, () => lab.active === 0, 'every lease is back')
  }
)

t.test('a slow client stops its own stream at the backend, and the others go on', async (t) => {
  let written = 0
  const backend = await origin(t, (stream, headers) => {
    if (headers[':path'] !== '/big') return echo(stream, headers)
    stream.respond({ ':status': 200 })
    const more = (): void => {
      while (!stream.destroyed && written < 30e6 && stream.write(Buffer.alloc(16_384))) written += 16_384
    }
    stream.on('drain', more)
    more()
  })
  const lab = await through(t, [backend])
  const client = await lab.client()
  client.socket.pause()
  client.send('GET /big HTTP/1.1\r\nHost: a\r\n\r\n')
  // Without a bound it would stand still at 30 MB only.
  for (let before = -1; written === 0 || written !== before; await sleep(300)) before = written
  t.ok(written < 12e6, `stands still at ${written}`)
  t.match(await fetchText(lab, '/'), { status: 200 })
  t.equal(backend.sessions.length, 1, 'over the same connection')
  client.socket.destroy()
  await eventually(t, () => lab.active === 0, 'every lease is back')
})

t.test(
  'a backend that answers no request, or never ends one, is timed out; the connection goes on',
  async (t) => {
    const backend = await origin(t, (stream, headers) => {
      if (headers[':path'] === '/silent') return
      if (headers[':path'] === '/stuck') {
        stream.respond({ ':status': 200 })
        stream.write('a')
        return
      }
      echo(stream, headers)
    })
    const lab = await through(t, [backend], {
      timeouts: { response: '200ms', idle: '200ms' },
      retry: { attempts: 0 }
    })
    t.match(await fetchText(lab, '/silent'), { status: 504 })
    await t.rejects(fetchText(lab, '/stuck'))
    t.match(await fetchText(lab, '/'), { status: 200 })
    t.equal(backend.sessions.length, 1)
  }
)

t.test('an upload that an answer larger than the windows came before is ended by lb', async (t) => {
  const backend = await origin(t, (stream) => {
    stream.respond({ ':status': 200 })
    stream.end(Buffer.alloc(300_000))
  })
  const lab = await through(t, [backend])
  const client = connect(`http://127.0.0.1:${lab.port}`)
  client.on('error', () => {})
  t.teardown(() => client.destroy())
  const stream = client.request({ ':method': 'POST', ':path': '/' })
  stream.on('error', () => {})
  stream.write('the beginning')
  let bytes = 0
  await once(stream, 'response')
  await sleep(50)
  stream.on('data', (part: Buffer) => (bytes += part.length))
  await eventually(t, () => stream.closed, 'reset')
  t.equal(bytes, 300_000)
  t.equal(stream.rstCode, constants.NGHTTP2_NO_ERROR)
})

t.test('a closed port, and a backend with another protocol', async (t) => {
  const lab = await through(t, [{ address: '127.0.0.1:1' } as Origin], { retry: { attempts: 0 } })
  t.match(await fetchText(lab, '/'), { status: 502 })
  const { createServer: plain } = await import('node:http')
  const other = plain((_, response) => response.end('x')).listen(0, '127.0.0.1')
  await once(other, 'listening')
  t.teardown(() => other.close())
  const wrong = await through(
    t,
    [{ address: `127.0.0.1:${(other.address() as AddressInfo).port}` } as Origin],
    { retry: { attempts: 0 } }
  )
  t.match(await fetchText(wrong, '/'), { status: 502 })
  await eventually(t, () => lab.open + wrong.open === 0, 'no socket is counted any more')
})

t.test('HTTP/2 on both sides: trailers both ways, interim answers, cancelling', async (t) => {
  let aborted = 0
  const backend = await origin(t, (stream, headers) => {
    if (headers[':path'] === '/hang') return void stream.on('aborted', () => aborted++)
    if (headers[':path'] === '/103') stream.additionalHeaders({ ':status': 103, link: '</a>' })
    echo(stream, headers)
  })
  const lab = await through(t, [backend])
  const client = connect(`http://127.0.0.1:${lab.port}`)
  t.teardown(() => client.destroy())
  const stream = client.request({ ':method': 'POST', ':path': '/103', te: 'trailers' })
  let interim = 0
  let trailers: IncomingHttpHeaders = {}
  stream.on('headers', () => interim++)
  stream.on('trailers', (got) => (trailers = got))
  stream.resume()
  stream.end('four')
  await once(stream, 'close')
  t.equal(interim, 1)
  t.equal(trailers['x-sum'], '4')
  const hang = client.request({ ':path': '/hang' })
  hang.on('error', () => {})
  await eventually(t, () => lab.active === 1, 'under way')
  hang.close(constants.NGHTTP2_CANCEL)
  await eventually(t, () => aborted === 1 && lab.active === 0, 'the backend heard of it')
})
