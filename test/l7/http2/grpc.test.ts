import * as grpc from '@grpc/grpc-js'
import { grpcStatusOf } from '../../../src/l7/stages/grpc/grpc-status.ts'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { reportFaults } from '../../../src/core/containment.ts'
import { startLab, type Lab } from '../engine/lab.ts'
import { addStage } from '../stages/with-stage.ts'

// gRPC through lb, HTTP/2 on both sides, with the library that everybody uses on both ends.

const bytes = { requestSerialize: (b: Buffer) => b, requestDeserialize: (b: Buffer) => b, responseSerialize: (b: Buffer) => b, responseDeserialize: (b: Buffer) => b } // prettier-ignore
const call = (path: string, requestStream: boolean, responseStream: boolean) => ({ path: `/test.Echo/${path}`, requestStream, responseStream, ...bytes }) // prettier-ignore
const service = {
  unary: call('unary', false, false),
  upload: call('upload', true, false),
  download: call('download', false, true),
  chat: call('chat', true, true)
}

let unavailable = 0
let cancelled = 0

const handlers: grpc.UntypedServiceImplementation = {
  unary(one: grpc.ServerUnaryCall<Buffer, Buffer>, answer: grpc.sendUnaryData<Buffer>) {
    const words = String(one.request)
    if (words === 'fail') return answer({ code: grpc.status.ALREADY_EXISTS, details: 'there is one' })
    if (words === 'unavailable' && unavailable++ === 0) return answer({ code: grpc.status.UNAVAILABLE })
    if (words === 'hang') return void one.on('cancelled', () => cancelled++)
    const trailers = new grpc.Metadata()
    trailers.set('x-trailer', 'yes')
    answer(null, Buffer.from(words.toUpperCase()), trailers)
  },
  upload(all: grpc.ServerReadableStream<Buffer, Buffer>, answer: grpc.sendUnaryData<Buffer>) {
    let size = 0
    all.on('data', (part: Buffer) => (size += part.length))
    all.on('end', () => answer(null, Buffer.from(String(size))))
  },
  download(one: grpc.ServerWritableStream<Buffer, Buffer>) {
    for (let i = 0; i < 1000; i++) one.write(Buffer.from(String(i)))
    one.end()
  },
  chat(both: grpc.ServerDuplexStream<Buffer, Buffer>) {
    both.on('data', (part: Buffer) => both.write(part))
    both.on('end', () => both.end())
    both.on('error', () => {})
  }
}

async function backend(t: Test): Promise<string> {
  const server = new grpc.Server()
  server.addService(service, handlers)
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error)
    )
  )
  t.teardown(() => server.forceShutdown())
  return `127.0.0.1:${port}`
}

type Client = grpc.Client & Record<string, (...args: unknown[]) => unknown>

async function rig(
  t: Test,
  address?: string,
  pool: object = {},
  listener: object = { pool: 'web' }
): Promise<{ lab: Lab; client: Client }> {
  const lab = await startLab({
    listeners: [{ bind: '127.0.0.1:0', mode: 'l7', protocols: ['h2'], ...listener }],
    pools: { web: { protocol: 'h2c', backends: [address ?? (await backend(t))], ...pool } }
  })
  t.teardown(() => lab.close())
  const Service = grpc.makeGenericClientConstructor(service, 'Echo')
  const client = new Service(`127.0.0.1:${lab.port}`, grpc.credentials.createInsecure()) as unknown as Client
  t.teardown(() => client.close())
  return { lab, client }
}

interface Ended {
  readonly error: grpc.ServiceError | null
  readonly answer: string
  readonly trailers: grpc.Metadata | undefined
}

async function unary(client: Client, words: string, options: object = {}): Promise<Ended> {
  let trailers: grpc.Metadata | undefined
  return new Promise((resolve) => {
    const asked = client.unary!(Buffer.from(words), new grpc.Metadata(), options, (error: grpc.ServiceError | null, answer?: Buffer) =>
      setImmediate(() => resolve({ error, answer: String(answer), trailers }))
    ) as grpc.ClientUnaryCall // prettier-ignore
    asked.on('status', (status) => (trailers = status.metadata))
  })
}

async function eventually(t: Test, holds: () => boolean, what: string): Promise<void> {
  for (let i = 0; i < 3000 && !holds(); i++) await sleep(10)
  t.ok(holds(), what)
}

t.test('all four kinds of calls, with trailers and errors of the application', async (t) => {
  const { lab, client } = await rig(t)
  const one = await unary(client, 'hello')
  t.equal(one.answer, 'HELLO')
  t.strictSame(one.trailers?.get('x-trailer'), ['yes'])
  t.match((await unary(client, 'fail')).error, { code: grpc.status.ALREADY_EXISTS, details: 'there is one' })

  const uploaded = new Promise<string>((resolve) => {
    const upload = client.upload!((_: unknown, answer: Buffer) => resolve(String(answer))) as grpc.ClientWritableStream<Buffer>
    for (let i = 0; i < 100; i++) upload.write(Buffer.alloc(10_000))
    upload.end()
  }) // prettier-ignore
  t.equal(await uploaded, '1000000')

  const received: string[] = []
  const download = client.download!(Buffer.from('x')) as grpc.ClientReadableStream<Buffer>
  download.on('data', (part: Buffer) => received.push(String(part)))
  await once(download, 'end')
  t.strictSame(
    received,
    Array.from({ length: 1000 }, (_, i) => String(i)),
    'in order, none lost'
  )

  const chat = client.chat!() as grpc.ClientDuplexStream<Buffer, Buffer>
  for (let i = 0; i < 20; i++) {
    chat.write(Buffer.from(`message ${i}`))
    const [echo] = (await once(chat, 'data')) as [Buffer]
    t.equal(String(echo), `message ${i}`)
  }
  chat.end()
  chat.resume()
  await once(chat, 'end')
  await eventually(t, () => lab.active === 0, 'every lease is back')
})

t.test('a call that is cancelled, or whose deadline passes, ends at the backend too', async (t) => {
  const { lab, client } = await rig(t)
  cancelled = 0
  const late = await unary(client, 'hang', { deadline: Date.now() + 200 })
  t.match(late.error, { code: grpc.status.DEADLINE_EXCEEDED })
  await eventually(t, () => cancelled === 1 && lab.active === 0, 'the backend heard of it')
  const asked = client.unary!(Buffer.from('hang'), () => {}) as grpc.ClientUnaryCall
  await eventually(t, () => lab.active === 1, 'under way')
  asked.cancel()
  await eventually(t, () => cancelled === 2 && lab.active === 0, 'the backend heard of it')
})

t.test('an error of ours is a grpc-status with a message', async (t) => {
  const { client } = await rig(t, '127.0.0.1:1', { retry: { attempts: 0 } })
  const { error } = await unary(client, 'hello')
  t.equal(error!.code, grpc.status.UNAVAILABLE)
  t.match(error!.details, /LB_CONNECT_FAILED/)
  t.equal(grpcStatusOf('LB_CLIENT_CERTIFICATE', 400), grpc.status.UNAUTHENTICATED)
  t.equal(grpcStatusOf('LB_BAD_REQUEST', 400), grpc.status.INTERNAL)
})

t.test('whatever refuses a call, its status tells the client whether to ask again', async (t) => {
  const address = await backend(t)
  const { code, details } = await refused({ pool: 'web', rateLimit: { requests: 1, per: '1h' } }, 2)
  t.equal(code, grpc.status.RESOURCE_EXHAUSTED, 'to ask again at once would be useless')
  t.match(details, /too many requests \(LB_RATE_LIMIT\)/)
  const respond = { status: 503, body: 'back at noon' }
  for (const [what, listener, want] of [
    ['maintenance', { routes: [{ respond }] }, grpc.status.UNAVAILABLE],
    ['a fault', { pool: 'web', fault: { abort: { percent: 100, status: 503 } } }, grpc.status.UNAVAILABLE],
    [
      'a fault of a quota',
      { pool: 'web', fault: { abort: { percent: 100, status: 413 } } },
      grpc.status.RESOURCE_EXHAUSTED
    ],
    ['no route', { routes: [{ match: { path: '/x' }, pool: 'web' }] }, grpc.status.UNIMPLEMENTED],
    ['a body over its limit', { pool: 'web', limits: { bodyBytes: '3b' } }, grpc.status.RESOURCE_EXHAUSTED]
  ] as const)
    t.equal((await refused(listener)).code, want, what)
  t.equal(grpcStatusOf('LB_REQUEST_TIMEOUT', 408), grpc.status.DEADLINE_EXCEEDED)

  async function refused(listener: object, calls = 1): Promise<grpc.ServiceError> {
    const { client } = await rig(t, address, {}, listener)
    for (let i = 1; i < calls; i++) t.equal((await unary(client, 'hello')).answer, 'HELLO')
    return (await unary(client, 'hello')).error!
  }
})

t.test('a hook that throws at the response is an error of gRPC, and of gRPC-Web', async (t) => {
  let hook = (): void => {}
  const remove = addStage(() => ({ name: 'test', response: () => hook() }))
  t.teardown(remove)
  t.teardown(reportFaults(() => {}))
  const { lab, client } = await rig(
    t,
    undefined,
    {},
    {
      protocols: ['h2', 'http/1.1'],
      pool: 'web',
      grpcWeb: true,
      cors: { origins: 'https://a.test', exposed: ['grpc-status', 'grpc-message'] }
    }
  )
  t.equal((await unary(client, 'hello')).answer, 'HELLO')
  hook = () => {
    throw new Error('broken')
  }
  const { error } = await unary(client, 'hello')
  t.equal(error!.code, grpc.status.INTERNAL)
  t.match(error!.details, /internal error \(LB_INTERNAL\)/)
  const url = `http://127.0.0.1:${lab.port}/test.Echo/unary`
  for (const type of ['application/grpc-web+proto', 'application/grpc-web-text']) {
    const headers = { 'content-type': type, origin: 'https://a.test' }
    const response = await fetch(url, { method: 'POST', body: 'AAAAAAA=', headers })
    t.equal(response.status, 200, type)
    t.equal(response.headers.get('access-control-allow-origin'), 'https://a.test', type)
    t.equal(response.headers.get('access-control-expose-headers'), 'grpc-status, grpc-message', type)
    t.equal(response.headers.get('grpc-status'), '13', type)
    t.match(response.headers.get('content-type'), type)
  }
  t.equal((await fetch(url)).status, 500, 'others get what they can read')
  await eventually(t, () => lab.active === 0, 'every lease is back')
})

t.test("the client's deadline holds here, also when the client does not enforce it", async (t) => {
  const { lab } = await rig(t)
  const { connect } = await import('node:http2')
  const session = connect(`http://127.0.0.1:${lab.port}`)
  t.teardown(() => session.destroy())
  const stream = session.request({ ':method': 'POST', ':path': '/test.Echo/unary', 'content-type': 'application/grpc', te: 'trailers', 'grpc-timeout': '150m' }) // prettier-ignore
  stream.end(Buffer.concat([Buffer.from([0, 0, 0, 0, 4]), Buffer.from('hang')]))
  const [headers, flags] = (await once(stream, 'response')) as [Record<string, unknown>, number]
  t.match(headers, { ':status': 200, 'grpc-status': '4', 'content-type': 'application/grpc' })
  t.match(headers['grpc-message'], /LB_RESPONSE_TIMEOUT/)
  t.equal(headers['content-length'], undefined)
  t.ok((flags & 1) === 1, 'trailers alone')
  await eventually(t, () => lab.active === 0, 'the lease is back')
})

t.test(
  'UNAVAILABLE before the first message is tried again where retry.on says so, also a POST',
  async (t) => {
    const address = await backend(t)
    unavailable = 0
    const plain = await rig(t, address)
    t.match((await unary(plain.client, 'unavailable')).error, { code: grpc.status.UNAVAILABLE })
    unavailable = 0
    const again = await backend(t)
    const both = await rig(t, address, { backends: [address, again], retry: { on: ['grpc-unavailable'] } })
    t.equal((await unary(both.client, 'unavailable')).answer, 'UNAVAILABLE')
    t.ok(
      both.lab.outcomes.some((outcome) => outcome.endsWith('bad-status')),
      'the breaker heard of it'
    )
  }
)

t.test(
  'gRPC-Web of a browser goes on as gRPC, over HTTP/1.1 and with the trailers in the body',
  async (t) => {
    const lab = await startLab({
      listeners: [{ bind: '127.0.0.1:0', mode: 'l7', pool: 'web', grpcWeb: true }],
      pools: { web: { protocol: 'h2c', backends: [await backend(t)] } }
    })
    t.teardown(() => lab.close())
    const ask = async (
      words: string,
      type = 'application/grpc-web+proto'
    ): Promise<{ response: Response; body: Buffer }> => {
      const message = Buffer.concat([Buffer.from([0, 0, 0, 0, words.length]), Buffer.from(words)])
      const response = await fetch(`http://127.0.0.1:${lab.port}/test.Echo/unary`, { method: 'POST', body: message, headers: { 'content-type': type } }) // prettier-ignore
      return { response, body: Buffer.from(await response.arrayBuffer()) }
    }
    const { response, body } = await ask('hello')
    t.match(response.headers.get('content-type'), /^application\/grpc-web/)
    t.equal(body.toString('latin1', 0, 10), '\0\0\0\0\x05HELLO')
    t.equal(body[10], 0x80)
    t.equal(body.readUInt32BE(11), body.length - 15)
    t.match(body.toString('latin1', 15), /^grpc-status: 0\r\n/m)
    t.match(body.toString('latin1', 15), /^x-trailer: yes\r\n/m)
    const failed = await ask('fail')
    const said =
      failed.response.headers.get('grpc-status') ??
      /grpc-status: (\d+)/.exec(failed.body.toString('latin1'))?.[1]
    t.equal(said, '6')
    const message = Buffer.from([0, 0, 0, 0, 5, ...Buffer.from('hello')])
    // Segments with a padding each, as a streaming client may send them.
    const pieces = [message.subarray(0, 4), message.subarray(4, 6), message.subarray(6)]
    const text = pieces.map((piece) => piece.toString('base64')).join('')
    const inText = await fetch(`http://127.0.0.1:${lab.port}/test.Echo/unary`, { method: 'POST', body: text, headers: { 'content-type': 'application/grpc-web-text+proto' } }) // prettier-ignore
    t.match(inText.headers.get('content-type'), /^application\/grpc-web-text/)
    const groups = (await inText.text()).match(/[^=]+={0,2}/g) ?? []
    const decoded = Buffer.concat(groups.map((group) => Buffer.from(group, 'base64')))
    t.equal(decoded.toString('latin1', 0, 10), '\0\0\0\0\x05HELLO')
    t.match(decoded.toString('latin1', 15), /^grpc-status: 0\r\n/m)
    const broken = await fetch(`http://127.0.0.1:${lab.port}/test.Echo/unary`, { method: 'POST', body: 'AAA*', headers: { 'content-type': 'application/grpc-web-text' } }) // prettier-ignore
    t.equal(broken.headers.get('grpc-status'), '13', 'no base64')
    await eventually(t, () => lab.active === 0, 'every lease is back')
  }
)

t.test('calls are counted by service, method and status, and clients cannot create series', async (t) => {
  const lab = await startLab({
    listeners: [{ name: 'web', bind: '127.0.0.1:0', mode: 'l7', protocols: ['h2', 'http/1.1'], pool: 'web', grpcMetrics: { methods: 1 } }],
    pools: { web: { protocol: 'h2c', backends: [await backend(t)] } }
  }) // prettier-ignore
  t.teardown(() => lab.close())
  const Service = grpc.makeGenericClientConstructor({ ...service, missing: { ...call('missing', false, false) } }, 'Echo') // prettier-ignore
  const client = new Service(`127.0.0.1:${lab.port}`, grpc.credentials.createInsecure()) as unknown as Client
  t.teardown(() => client.close())
  await new Promise((resolve) => client.missing!(Buffer.from('x'), resolve))
  await unary(client, 'hello')
  await unary(client, 'fail')
  const upload = client.upload!(() => {}) as grpc.ClientWritableStream<Buffer>
  upload.end()
  await once(upload, 'status')
  const count = (method: string, status: string): number => {
    const labels = { listener: 'web', service: method === 'other' ? 'other' : 'test.Echo', method, status }
    const cell = lab.metrics.counter('lb_grpc_calls_total', labels) as unknown as {
      values: Float64Array
      at: number
    }
    return cell.values[cell.at]!
  }
  await eventually(t, () => count('other', '0') === 1, 'beyond the bound')
  t.equal(count('unary', '0'), 1)
  t.equal(count('unary', '6'), 1)
  t.equal(count('other', '12'), 1)
})

t.test('a thousand calls at once, each answered with its own', async (t) => {
  const { lab, client } = await rig(t)
  const all = await Promise.all(Array.from({ length: 1000 }, async (_, i) => unary(client, `call ${i}`)))
  t.strictSame(
    all.map(({ answer }) => answer),
    Array.from({ length: 1000 }, (_, i) => `CALL ${i}`)
  )
  await eventually(t, () => lab.active === 0, 'every lease is back')
})
