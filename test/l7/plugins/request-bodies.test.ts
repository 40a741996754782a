/* eslint-disable @typescript-eslint/no-explicit-any -- as a plugin in JavaScript has them: no compiler looks at what it writes */

import { createHash } from 'node:crypto'
import { createServer, request, type IncomingHttpHeaders } from 'node:http'
import { connect as connectHttp2, createServer as createServer2 } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { definePlugin, type HostLogger, start, type StartOptions } from '../../../src/index.ts'
import { UNKNOWN_LENGTH } from '../../../src/plugin.ts'
import { hooksOf, type Hooks } from './lab.ts'

t.setTimeout(240_000)

interface Got {
  readonly fields: IncomingHttpHeaders
  readonly body: Buffer
  readonly trailers: Readonly<Record<string, string | undefined>>
}

/** A backend that keeps what came completely; `status` of its answers. */
async function origin(t: Test, status = () => 200) {
  const got: Got[] = []
  const server = createServer((request, response) => {
    const parts: Buffer[] = []
    request.on('error', () => {})
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      const { headers: fields, trailers } = request
      got.push({ fields, body: Buffer.concat(parts), trailers })
      response.writeHead(status()).end('answer')
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return { got, address: `127.0.0.1:${(server.address() as AddressInfo).port}` }
}

interface Asked {
  readonly status: number
  readonly body: string
}

interface Upload {
  readonly method?: string
  readonly fields?: Readonly<Record<string, string>>
  readonly trailers?: Readonly<Record<string, string>>
}

function upload(port: number, path: string, body: string | Buffer, more: Upload = {}): Promise<Asked> {
  return new Promise((resolve, reject) => {
    const { method = 'PUT', fields = {}, trailers } = more
    const length = trailers === undefined ? { 'Content-Length': String(body.length) } : {}
    const options = { host: '127.0.0.1', port, method, path, headers: { ...length, ...fields } }
    const asked = request(options, (response) => {
      let text = ''
      response.setEncoding('latin1')
      response.on('data', (part: string) => (text += part))
      response.on('end', () => resolve({ status: response.statusCode!, body: text }))
      response.on('error', reject)
    })
    asked.on('error', reject)
    if (trailers !== undefined) asked.addTrailers(trailers)
    if (fields['Expect'] === undefined) asked.end(body)
    else asked.on('continue', () => asked.end(body))
  })
}

function upload2(port: number, path: string, body: Buffer, length = false): Promise<number> {
  return new Promise((resolve, reject) => {
    const session = connectHttp2(`http://127.0.0.1:${port}`)
    session.on('error', reject)
    const said = length ? { 'content-length': body.length } : {}
    const stream = session.request({ ':method': 'PUT', ':path': path, ...said })
    stream.on('response', (fields) => resolve(fields[':status'] ?? 0))
    stream.on('error', reject)
    stream.on('close', () => session.destroy())
    stream.resume()
    stream.end(body)
  })
}

/** The plugin with the hooks of a path, in front of one backend. */
async function lab(
  t: Test,
  cases: Readonly<Record<string, Hooks>>,
  address: string | readonly string[],
  more: {
    readonly route?: object
    readonly pool?: object
    readonly pools?: object
    readonly plugins?: any[]
    readonly place?: object
  } = {}
) {
  const reasons = new Map<string, string>()
  const hook = hooksOf(cases)
  const plugin = definePlugin({
    name: 'wrong',
    ...(more.place ?? { after: 'decompress' }),
    request: hook('request'),
    requestBody: hook('requestBody'),
    done(exchange) {
      reasons.set(exchange.path.slice(1), `${exchange.status} ${exchange.errorReason}`)
    }
  })
  const log = { trace() {}, debug() {}, info() {}, warn() {}, error() {}, fatal() {}, child() {} }
  const config = {
    workers: 0,
    plugins: [plugin, ...(more.plugins ?? [])],
    listeners: {
      bind: '127.0.0.1:0',
      mode: 'l7',
      protocols: ['http/1.1', 'h2'],
      routes: [{ match: {}, pool: 'web', ...more.route }]
    },
    pools: { web: { backends: [address].flat(), ...more.pool }, ...more.pools }
  } as StartOptions extends never ? never : any
  const lb = await start(config, { log: log as unknown as HostLogger })
  t.teardown(() => lb.kill())
  return {
    port: lb.addresses[0]!.port!,
    lb,
    reason: (path: string) => reasons.get(path) ?? '',
    errors: () => Number(/lb_plugin_errors_total\{plugin="wrong"\} (\d+)/.exec(lb.metrics())?.[1])
  }
}

const sha = (bytes: Buffer | string): string => createHash('sha256').update(bytes).digest('hex')

/** In other octets, as many as come. */
const upper = (output: any) => ({
  write: (bytes: Buffer, start: number, end: number) =>
    output.write(Buffer.from(bytes.toString('latin1', start, end).toUpperCase(), 'latin1')),
  end: (trailers: string) => output.end(trailers),
  onDrain: () => output.ready()
})
const doubled = (output: any) => ({
  ...upper(output),
  write(bytes: Buffer, start: number, end: number) {
    const part = Buffer.from(bytes.subarray(start, end))
    return output.write(Buffer.concat([part, part]))
  }
})
/** All of it at once, some time after it has come. */
const later = (act: (whole: Buffer) => void) => {
  const parts: Buffer[] = []
  return {
    write: (bytes: Buffer, start: number, end: number) =>
      void parts.push(Buffer.from(bytes.subarray(start, end))),
    end: () => void setImmediate(() => act(Buffer.concat(parts)))
  }
}

t.test(
  'what a transform makes of a body is what the backend gets, with its length or in chunks',
  async (t) => {
    const backend = await origin(t)
    const { port, errors } = await lab(
      t,
      {
        same: { requestBody: (_, _head, output) => upper(output) },
        chunked: {
          requestBody(exchange, head, output) {
            head.length = UNKNOWN_LENGTH
            exchange.setRequestField('Content-Digest', 'own')
            return doubled(output)
          }
        },
        said: {
          requestBody(_, head, output) {
            if (head.length !== UNKNOWN_LENGTH) head.length *= 2
            return doubled(output)
          }
        },
        empty: {
          requestBody(_, head, output) {
            head.length = 0
            return { write: () => true, end: (trailers: string) => output.end(trailers) }
          }
        },
        later: {
          requestBody: (_, _head, output) =>
            later((whole) => {
              output.write(whole)
              output.end('')
            })
        },
        awaited: {
          request: () => new Promise((resolve) => setTimeout(resolve, 5)),
          requestBody: (_, _head, output) => upper(output)
        },
        plain: { requestBody: () => undefined }
      },
      backend.address
    )
    const digests = {
      'Content-Digest': 'sha-256=:a:',
      'Repr-Digest': 'sha-256=:a:',
      'Content-MD5': 'a',
      Digest: 'a'
    }
    const cases: [path: string, body: string, length: string | undefined, digest: string | undefined][] = [
      ['same', 'ABC', '3', undefined],
      ['chunked', 'abcabc', undefined, 'own'],
      ['said', 'abcabc', '6', undefined],
      ['empty', '', undefined, undefined],
      ['later', 'abc', '3', undefined],
      ['awaited', 'ABC', '3', undefined],
      ['plain', 'abc', '3', 'sha-256=:a:']
    ]
    for (const [path, body, length, digest] of cases) {
      t.equal((await upload(port, `/${path}`, 'abc', { fields: digests })).status, 200, path)
      const { fields, body: came } = backend.got.pop()!
      t.equal(came.toString(), body, path)
      t.equal(fields['content-length'], length, path)
      t.equal(fields['content-digest'], digest, path)
      t.equal(
        fields['repr-digest'] ?? fields['digest'] ?? fields['content-md5'],
        path === 'plain' ? 'sha-256=:a:' : undefined
      )
      t.equal(await upload2(port, `/${path}`, Buffer.from('abc')), 200, `${path} over HTTP/2`)
      t.equal(backend.got.pop()!.body.toString(), body, `${path} over HTTP/2`)
    }
    t.equal((await upload(port, '/said', 'abc', { fields: { Expect: '100-continue' } })).status, 200)
    t.equal(backend.got.pop()!.body.toString(), 'abcabc')
    await upload(port, '/chunked', 'abc', { fields: { Trailer: 'X-Sum' }, trailers: { 'X-Sum': '7' } })
    t.match(backend.got.pop(), { body: Buffer.from('abcabc'), trailers: { 'x-sum': '7' } })
    const sums = {
      fields: { Trailer: 'Content-Digest, X-Sum' },
      trailers: { 'Content-Digest': 'sha-256=:a:', 'X-Sum': '7' }
    }
    await upload(port, '/chunked', 'abc', sums)
    t.strictSame({ ...backend.got.pop()!.trailers }, { 'x-sum': '7' }, 'no digest of what came')
    await upload(port, '/plain', 'abc', sums)
    t.equal(backend.got.pop()!.trailers['content-digest'], 'sha-256=:a:')
    t.equal(errors() || 0, 0)
  }
)

t.test('a request without a body has none to change', async (t) => {
  const backend = await origin(t)
  let asked = 0
  const { port } = await lab(t, { a: { requestBody: () => void asked++ } }, backend.address)
  t.equal((await upload(port, '/a', '', { method: 'GET' })).status, 200)
  t.equal(asked, 0)
  t.equal((await upload(port, '/a', 'x')).status, 200)
  t.equal(asked, 1)
})

t.test(
  'faults of a transform are 500 and counted; what it rejects is 400 or what it says, and is not',
  async (t) => {
    const backend = await origin(t)
    const cases: Readonly<Record<string, readonly [number, RegExp, Hooks]>> = {
    throws: [500, /boom/, { requestBody() { throw new Error('boom') } }],
    promised: [500, /returned a promise/, { requestBody: async (_, _head, output) => upper(output) }],
    odd: [500, /must return undefined or a transform/, { requestBody: () => 7 }],
    'throws-in-write': [500, /boom/, { requestBody: (_, _head, output) => ({ ...upper(output), write() { throw new Error('boom') } }) }],
    'throws-at-end': [500, /boom/, { requestBody: (_, _head, output) => ({ ...upper(output), end() { throw new Error('boom') } }) }],
    longer: [500, /longer than the 3 bytes announced/, { requestBody: (_, _head, output) => doubled(output) }],
    'longer-later': [500, /longer than the 3 bytes announced/, { requestBody: (_, _head, output) => later(() => output.write('abcd')) }],
    shorter: [500, /ends after 0 of the 3 bytes announced/, { requestBody: (_, _head, output) => ({ ...upper(output), write: () => true }) }],
    'in-hook': [500, /before its body has begun/, { requestBody(_, _head, output) { output.write('x'); return upper(output) } }],
    'too-early': [500, /before its body has begun/, { requestBody(_, _head, output) { queueMicrotask(() => output.write('x')); return upper(output) } }],
    'no-bytes': [500, /./, { requestBody: (_, _head, output) => ({ ...upper(output), write: () => output.write({}) }) }],
    trailers: [500, /./, { requestBody: (_, _head, output) => ({ ...upper(output), end: () => output.end('a\nb') }) }],
    'odd-length': [500, /must be a number of bytes/, { requestBody(_, head, output) { head.length = 1.5; return upper(output) } }],
    'length-of-nothing': [500, /returned no transform/, { requestBody(_, head) { head.length = 1 } }],
    'bad-field': [500, /./, { requestBody(exchange, _head, output) { exchange.setRequestField('X-A', 'b\r\nc'); return upper(output) } }],
    rejects: [400, /the body is rejected: no JSON/, { requestBody: (_, _head, output) => ({ ...upper(output), write: () => output.fail(new Error('no JSON')) }) }],
    'rejects-later': [400, /the body is rejected: no JSON/, { requestBody: (_, _head, output) => later(() => output.fail('no JSON')) }],
    'rejects-in-hook': [400, /the body is rejected: no JSON/, { requestBody: (_, _head, output) => void output.fail(new Error('no JSON')) }],
    waits: [500, /only "request" may wait/, { requestBody(exchange, _head, output) { exchange.wait(20, () => 'go-on' as never); return upper(output) } }],
    refuses: [413, /too much/, { requestBody: (exchange, _head, output, { refuse }: any) => ({ ...upper(output), write: () => void refuse(exchange, { code: 'LB_BODY_TOO_LARGE', reason: 'too much' }) }) }],
    'refuses-in-hook': [413, /too much/, { requestBody: (exchange, _head, _output, { refuse }: any) => void refuse(exchange, { code: 'LB_BODY_TOO_LARGE', reason: 'too much' }) }],
    'refuses-later': [413, /too much/, { requestBody: (exchange, _head, _output, { refuse }: any) => later(() => refuse(exchange, { code: 'LB_BODY_TOO_LARGE', reason: 'too much' })) }]
  } // prettier-ignore
    const hooks = Object.fromEntries(Object.entries(cases).map(([name, [, , one]]) => [name, one]))
    const waits = definePlugin({
      name: 'waits',
      after: 'request-edits',
      request: ({ path }) =>
        path === '/too-early' ? new Promise((resolve) => setTimeout(resolve, 20)) : undefined
    })
    const { port, reason, errors } = await lab(t, hooks, backend.address, { plugins: [waits] })
    let faults = 0
    for (const [path, [status, why]] of Object.entries(cases)) {
      t.equal((await upload(port, `/${path}`, 'abc')).status, status, path)
      t.match(reason(path), why, path)
      if (status === 500) faults++
      t.equal(errors() || 0, faults, `${path}: counted`)
      t.equal(await upload2(port, `/${path}`, Buffer.from('abc'), true), status, `${path} over HTTP/2`)
      if (status === 500) faults++
    }
    t.strictSame(backend.got.filter(({ body }) => body.length > 0 && body.toString() !== 'ABC'), [], 'no backend takes a part for a whole') // prettier-ignore
    t.equal((await upload(port, '/fine', 'abc')).status, 200)
  }
)

t.test(
  'one transform serves what is decoded, held, copied and sent again; two stand in their order',
  async (t) => {
    const first = await origin(t, () => 503)
    const second = await origin(t)
    const copies = await origin(t)
    const codings: unknown[] = []
    let made = 0
    const behind = definePlugin({
      name: 'behind',
      after: 'request-edits',
      requestBody: (_, head, output) => {
        made++
        codings.push(head.coding)
        head.length = UNKNOWN_LENGTH
        return doubled(output)
      }
    })
    const { port } = await lab(
      t,
      {
        a: {
          requestBody(_, head, output) {
            codings.push(head.coding)
            return upper(output)
          }
        }
      },
      [first.address, second.address],
      {
        plugins: [behind],
        route: {
          decompress: true,
          buffer: { request: '1mb' },
          mirror: { pool: 'copies' },
          retry: { attempts: 2, on: [503] }
        },
        pools: { copies: { backends: [copies.address] } }
      }
    )
    for (let tries = 0; tries < 3; tries++) {
      const answer = await upload(port, '/a', gzipSync('abc'), { fields: { 'Content-Encoding': 'gzip' } })
      t.equal(answer.status, 200)
      const { fields, body } = second.got.pop()!
      t.equal(body.toString(), 'ABCABC')
      t.match(fields, { 'content-length': '6' })
      t.notOk(fields['content-encoding'])
    }
    t.ok(first.got.length > 0, 'some were sent twice')
    t.ok(first.got.every(({ body }) => body.toString() === 'ABCABC'))
    t.equal(made, 3)
    t.strictSame(codings, Array(6).fill(undefined))
    while (copies.got.length < 3) await new Promise((resolve) => setTimeout(resolve, 10))
    t.ok(copies.got.every(({ body }) => body.toString() === 'ABCABC'))
  }
)

t.test('before `decompress` it gets the bytes as they came, and their coding', async (t) => {
  const backend = await origin(t)
  const codings: unknown[] = []
  const spy: Hooks = {
    requestBody(_, head, output) {
      codings.push(head.coding)
      head.length = UNKNOWN_LENGTH
      return { write: (bytes: Buffer, start: number, end: number) => output.write(Buffer.from(bytes.subarray(start, end))), end: (trailers: string) => output.end(trailers) }
    }
  } // prettier-ignore
  const { port } = await lab(t, { a: spy }, backend.address, {
    place: { before: 'csrf' },
    route: { decompress: true }
  })
  const answer = await upload(port, '/a', gzipSync('abc'), { fields: { 'Content-Encoding': 'gzip' } })
  t.equal(answer.status, 200)
  t.strictSame(codings, ['gzip'])
  t.equal(backend.got[0]!.body.toString(), 'abc')
})

t.test(
  'a client is held to the pace of a transform and of the backend, to HTTP/1.1 and HTTP/2',
  async (t) => {
    const size = 8_000_000
    const body = Buffer.alloc(size, 'abcdefg')
    const hashes: string[] = []
    let go: () => void
    const slow = createServer2()
    slow.on('stream', (stream) => {
      const hash = createHash('sha256')
      stream.on('error', () => {})
      go = () => {
        stream.on('data', (part: Buffer) => hash.update(part))
        stream.on('end', () => {
          hashes.push(hash.digest('hex'))
          stream.respond({ ':status': 200 })
          stream.end()
        })
      }
    })
    await new Promise<void>((resolve) => slow.listen(0, '127.0.0.1', resolve))
    t.teardown(() => slow.close())
    let taken = 0
    let most = 0
    const slowly: Hooks = {
      requestBody(_, _head, output) {
        const waiting: Buffer[] = []
        let held = 0
        let flows = true
        let full = false
        let last: string | undefined
        const put = (): void => {
          while (flows && waiting.length > 0) {
            const next = waiting.shift()!
            held -= next.length
            flows = output.write(next)
          }
          if (waiting.length > 0) return
          if (last !== undefined) return output.end(last)
          if (full) {
            full = false
            output.ready()
          }
        }
        return {
          write(bytes: Buffer, start: number, end: number) {
            taken += end - start
            held += end - start
            most = Math.max(most, held)
            waiting.push(Buffer.from(bytes.subarray(start, end)))
            setImmediate(put)
            full = true
            return false
          },
          end(trailers: string) {
            last = trailers
            setImmediate(put)
          },
          onDrain() {
            flows = true
            put()
          }
        }
      }
    }
    const { port, lb } = await lab(t, { a: slowly }, `127.0.0.1:${(slow.address() as AddressInfo).port}`, {
      pool: { protocol: 'h2c' }
    })
    for (const send of [
      () => upload(port, '/a', body).then(({ status }) => status),
      () => upload2(port, '/a', body)
    ]) {
      go = () => {}
      taken = 0
      const sent = send()
      // Until no more comes: the backend reads nothing yet.
      for (
        let before = -1;
        taken === 0 || taken !== before;
        await new Promise((resolve) => setTimeout(resolve, 200))
      )
        before = taken
      t.ok(taken < size / 2, `${taken} bytes taken while nobody reads`)
      t.ok(most < 1_000_000, `${most} held at most`)
      go!()
      t.equal(await sent, 200)
      t.equal(hashes.pop(), sha(body))
      t.equal(taken, size)
    }
    await lb.kill()
  }
)

t.test('a place where the body has been copied or held already is refused', async (t) => {
  for (const place of [{ after: 'mirror' }, { after: 'buffer' }, { before: 'buffer' }]) {
    const plugin = definePlugin({
      name: 'late',
      ...(place as { after: string }),
      requestBody: () => undefined
    })
    const config = {
      workers: 0,
      plugins: [plugin],
      listeners: { bind: '127.0.0.1:0', mode: 'l7', pool: 'web' },
      pools: { web: { backends: ['127.0.0.1:9'] } }
    } as const
    await t.rejects(start(config), /hook "requestBody" and stands .* it belongs before "mirror"/)
  }
})

t.test('a field that is set behind the mirror reaches the backend', async (t) => {
  const backend = await origin(t)
  const plugin = definePlugin({
    name: 'late',
    after: 'mirror',
    request: (exchange) => exchange.setRequestField('X-Late', 'yes')
  })
  const lb = await start({
    workers: 0,
    plugins: [plugin],
    listeners: { bind: '127.0.0.1:0', mode: 'l7', routes: [{ match: {}, pool: 'web', mirror: { pool: 'copies' } }] },
    pools: { web: { backends: [backend.address] }, copies: { backends: [backend.address] } }
  } as const) // prettier-ignore
  t.teardown(() => lb.kill())
  t.equal((await upload(lb.addresses[0]!.port!, '/', 'abc')).status, 200)
  while (backend.got.length < 2) await new Promise((resolve) => setTimeout(resolve, 10))
  t.strictSame(backend.got.map(({ fields }) => fields['x-late']).sort(), ['yes', undefined])
})

t.test(
  'a field that is set behind the cache reaches the backend, though Vary has had the head built before',
  async (t) => {
    const got: IncomingHttpHeaders[] = []
    const server = createServer((request, response) => {
      got.push(request.headers)
      response.writeHead(200, { 'Cache-Control': 'max-age=60', Vary: 'X-Kind' }).end('answer')
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    t.teardown(() => {
      server.closeAllConnections()
      server.close()
    })
    const plugin = definePlugin({
      name: 'late',
      after: 'cache',
      request: (exchange) => exchange.setRequestField('X-Late', 'yes')
    })
    const lb = await start({
      workers: 0,
      plugins: [plugin],
      listeners: {
        bind: '127.0.0.1:0',
        mode: 'l7',
        routes: [{ match: {}, pool: 'web', cache: { store: 'memory' } }]
      },
      caches: { memory: {} },
      pools: { web: { backends: [`127.0.0.1:${(server.address() as AddressInfo).port}`] } }
    } as unknown as StartOptions extends never ? never : any)
    t.teardown(() => lb.kill())
    for (const kind of ['a', 'b', 'b'])
      t.equal(
        (await upload(lb.addresses[0]!.port!, '/', '', { method: 'GET', fields: { 'X-Kind': kind } })).status,
        200
      )
    t.strictSame(
      got.map((fields) => [fields['x-kind'], fields['x-late']]),
      [
        ['a', 'yes'],
        ['b', 'yes']
      ]
    )
  }
)

t.test('a transform that never ends is ended by the idle time of the pool', async (t) => {
  const backend = await origin(t)
  const { port, reason } = await lab(
    t,
    {
      a: { requestBody: () => ({ write: () => true, end() {} }) },
      b: { requestBody: () => ({ write: () => false, end() {} }) }
    },
    backend.address,
    { pool: { timeouts: { idle: '300ms' } } }
  )
  for (const path of ['a', 'b']) {
    t.equal((await upload(port, `/${path}`, Buffer.alloc(1_000_000), {})).status, 504, path)
    t.match(reason(path), /for too long/)
  }
  t.equal(backend.got.length, 0)
})

t.test('whoever leaves in the middle is told of, also where the transform throws at that', async (t) => {
  const backend = await origin(t)
  let aborted = 0
  const { port, reason, errors } = await lab(
    t,
    {
      a: {
        requestBody: (_, _head, output) => ({
          ...upper(output),
          abort() {
            aborted++
            throw new Error('boom')
          }
        })
      }
    },
    backend.address
  )
  const asked = request({
    host: '127.0.0.1',
    port,
    method: 'PUT',
    path: '/a',
    headers: { 'Content-Length': '10', Connection: 'close' }
  })
  asked.on('error', () => {})
  asked.write('abc')
  setTimeout(() => asked.destroy(), 100)
  for (let tries = 0; reason('a') === '' && tries < 500; tries++)
    await new Promise((resolve) => setTimeout(resolve, 10))
  t.not(reason('a'), '', 'the exchange has ended')
  t.equal(aborted, 1)
  t.equal(errors(), 1)
  t.equal((await upload(port, '/b', 'abc')).status, 200)
})

t.test(
  'what is rejected at its end, with all of its length written, the backend has had; without a length not',
  async (t) => {
    const backend = await origin(t)
    const late = (head: any, output: any, length: number) => {
      head.length = length
      return { ...upper(output), end: () => setTimeout(() => output.fail(new Error('late')), 50) }
    }
    const { port } = await lab(
      t,
      {
        open: { requestBody: (_, head, output) => late(head, output, UNKNOWN_LENGTH) },
        shorter: { requestBody: (_, head, output) => late(head, output, 4) }
      },
      backend.address
    )
    for (const path of ['open', 'shorter']) t.equal((await upload(port, `/${path}`, 'abc')).status, 400, path)
    t.equal((await upload(port, '/fine', 'abc')).status, 200)
    t.strictSame(
      backend.got.map(({ body }) => body.toString()),
      ['abc']
    )
  }
)

t.test(
  'a transform that is full gets nothing until it says so, also when a buffer overflows meanwhile',
  async (t) => {
    const backend = await origin(t)
    let between = 0
    const { port } = await lab(
      t,
      {
        a: {
          requestBody(_, _head, output) {
            let full = false
            let last: string | undefined
            return {
              write(bytes: Buffer, start: number, end: number) {
                if (full) between++
                full = true
                const piece = Buffer.from(bytes.subarray(start, end))
                setImmediate(() => {
                  output.write(piece)
                  setTimeout(() => {
                    full = false
                    if (last === undefined) output.ready()
                    else output.end(last)
                  }, 5)
                })
                return false
              },
              end(trailers: string) {
                last = trailers
              }
            }
          }
        }
      },
      backend.address,
      { route: { buffer: { request: '100kb' } } }
    )
    const body = Buffer.alloc(600_000, 'abcdefg')
    const chunked = { trailers: { 'X-Sum': '7' }, fields: { Trailer: 'X-Sum' } }
    t.equal((await upload(port, '/a', body, chunked)).status, 200)
    t.equal(sha(backend.got[0]!.body), sha(body))
    t.equal(between, 0)
  }
)
