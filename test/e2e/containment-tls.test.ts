import { Agent as TlsAgent, request } from 'node:https'
import { connect, type ClientHttp2Session } from 'node:http2'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { FrameReader } from '../../src/l7/http2/frames/frame-reader.ts'
import { OutQueue } from '../../src/l7/http2/frames/out-queue.ts'
import { Decoder } from '../../src/l7/http2/hpack/decoder.ts'
import { Encoder } from '../../src/l7/http2/hpack/encoder.ts'
import { RequestSection } from '../../src/l7/http2/server/request-section.ts'
import { ServerConnection } from '../../src/l7/http2/server/server-connection.ts'
import { ServerSession } from '../../src/l7/http2/server/server-session.ts'
import { ServerStream } from '../../src/l7/http2/server/server-stream.ts'
import { ControlFrames } from '../../src/l7/http2/session/control-frames.ts'
import { Receiver } from '../../src/l7/http2/session/receiver.ts'
import { SectionWriter } from '../../src/l7/http2/session/send/section-writer.ts'
import { Sender } from '../../src/l7/http2/session/send/sender.ts'
import { SendOrder } from '../../src/l7/http2/session/send/send-order.ts'
import { TransportWriter } from '../../src/l7/http2/session/send/transport-writer.ts'
import { Session } from '../../src/l7/http2/session/session.ts'
import { Stream } from '../../src/l7/http2/session/stream/stream.ts'
import { StreamSet } from '../../src/l7/http2/session/stream/stream-set.ts'
import { ApiKeys } from '../../src/l7/stages/auth/api-keys/api-keys.ts'
import { KeyTable } from '../../src/l7/stages/auth/api-keys/key-table.ts'
import { Guesses } from '../../src/l7/stages/auth/guesses.ts'
import { StreamEncoder } from '../../src/l7/stages/compress/stream-encoder.ts'
import { Limit } from '../../src/l7/stages/rate-limit/limit.ts'
import { Handshake } from '../../src/net/tls/handshake.ts'
import { Turns } from '../../src/net/transport/turns.ts'
import { TlsServer } from '../../src/net/tls/tls-server.ts'
import { TlsTransport } from '../../src/net/transport/tls-transport.ts'
import { TlsWrites } from '../../src/net/transport/tls-writes.ts'
import { ConcurrencyTable } from '../../src/shared/concurrency-table.ts'
import { RateTable } from '../../src/shared/rate-table.ts'
import { hooksOf, metric, settles, type Hook } from './hooks.ts'
import { httpOrigin, startLb } from './servers.ts'

const large = Buffer.alloc(300_000, 'x')
const CLIENTS = 4
const CALLS = [
  ['GET', '/small', undefined, 5],
  ['POST', '/small', Buffer.alloc(100_000, 'y'), 5],
  ['GET', '/large', undefined, large.length],
  ['GET', '/small', undefined, 5]
] as const
/** Nobody is left to wait: what is not answered is told. */
const WITHIN_MS = 30_000
let late = 0

/** One after the other over one session; the number that came back whole. */
async function overHttp2(port: number): Promise<number> {
  const session = connect(`https://127.0.0.1:${port}`, { rejectUnauthorized: false })
  session.on('error', () => {})
  let whole = 0
  for (const [method, path, body, expected] of CALLS) {
    if (session.destroyed || session.closed) break
    if (await ask(session, method, path, body, expected)) whole++
  }
  session.destroy()
  return whole
}

function ask(
  session: ClientHttp2Session,
  method: string,
  path: string,
  body: Buffer | undefined,
  expected: number
): Promise<boolean> {
  return new Promise((resolve) => {
    let status = 0
    let bytes = 0
    const stream = session.request(
      { ':method': method, ':path': path, 'x-api-key': 'right', 'accept-encoding': 'identity' },
      { endStream: body === undefined }
    )
    stream.setTimeout(WITHIN_MS, () => {
      late++
      stream.destroy()
    })
    stream.on('response', (fields) => (status = fields[':status'] ?? 0))
    stream.on('data', (chunk: Buffer) => (bytes += chunk.length))
    stream.on('error', () => {})
    stream.on('close', () => resolve(status === 200 && bytes === expected))
    if (body !== undefined) stream.end(body)
  })
}

/** The same over HTTP/1.1 and TLS, with what comes back compressed. */
async function overHttp1(port: number): Promise<number> {
  const agent = new TlsAgent({ keepAlive: true, maxSockets: 1, rejectUnauthorized: false })
  let whole = 0
  for (const [method, path, body] of CALLS) {
    const headers = { 'x-api-key': 'right', 'accept-encoding': 'gzip' }
    const good = await new Promise<boolean>((resolve) => {
      const sent = request({ agent, host: '127.0.0.1', port, method, path, headers }, (response) => {
        response.resume()
        response.on('end', () => resolve(response.statusCode === 200 && response.complete))
        response.on('error', () => resolve(false))
        response.on('close', () => resolve(false))
      })
      sent.setTimeout(WITHIN_MS, () => {
        late++
        sent.destroy()
      })
      sent.on('error', () => resolve(false))
      sent.end(body)
    })
    if (good) whole++
  }
  agent.destroy()
  return whole
}

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

async function heapMb(): Promise<number> {
  for (let i = 0; i < 3; i++) {
    collect()
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return process.memoryUsage().heapUsed / 2 ** 20
}

t.setTimeout(300_000)

t.test(
  'an exception anywhere in TLS, HTTP/2 or a guard costs one connection, and leaves nothing',
  async (t) => {
    const origin = await httpOrigin(t, 'one', (incoming, response) => {
      incoming.resume()
      response.setHeader('content-type', 'text/plain')
      incoming.once('end', () => response.end(incoming.url === '/large' ? large : 'small'))
    })
    const lb = await startLb(t, {
      workers: 0,
      listeners: [
        {
          name: 'web',
          mode: 'l7',
          bind: '127.0.0.1:0',
          tls: { selfSigned: true },
          protocols: ['h2', 'http/1.1'],
          auth: [{ apiKeys: { keys: { alice: 'right' } } }],
          rateLimit: { requests: 100_000, per: '1s' },
          concurrency: { max: 100, queue: { max: 100, timeout: '4s' } },
          compress: true,
          maxConnections: 100,
          routes: [{ pool: 'a' }]
        }
      ],
      pools: {
        a: { queue: { max: 100, timeout: '4s' }, backends: [{ address: origin.address, maxConnections: 4 }] }
      }
    })
    const port = lb.port('web')
    const round = async (run: (port: number) => Promise<number>) => {
      const answered = await Promise.all(Array.from({ length: CLIENTS }, () => run(port)))
      return answered.reduce((sum, whole) => sum + whole, 0)
    }
    const all = CLIENTS * CALLS.length
    t.equal(await round(overHttp2), all)
    t.equal(await round(overHttp1), all)

    const hooks = hooksOf(
      TlsTransport,
      TlsWrites,
      TlsServer,
      Handshake,
      Turns,
      ServerConnection,
      ServerSession,
      ServerStream,
      Session,
      ControlFrames,
      StreamSet,
      Stream,
      Receiver,
      RequestSection,
      FrameReader,
      OutQueue,
      Sender,
      SendOrder,
      SectionWriter,
      TransportWriter,
      Decoder,
      Encoder,
      ApiKeys,
      KeyTable,
      Guesses,
      Limit,
      RateTable,
      ConcurrencyTable,
      StreamEncoder
    )
    const untouched = [
      'onDeadline',
      'destroy',
      'drain',
      'retire',
      'update',
      'apply',
      'close',
      'allocate',
      'drop'
    ]
    let armed = 0
    const pass = async (
      name: string,
      run: (port: number) => Promise<number>,
      of: (hook: Hook) => boolean = () => true
    ) => {
      for (const hook of hooks.filter(of)) {
        if (untouched.includes(hook.name)) continue
        const what = `${name}: ${hook.of}.${hook.name}`
        const before = metric(lb, 'lb_internal_errors_total')
        const disarm = hook.arm((turn) => turn === 3)
        const whole = await round(run)
        const thrown = disarm()
        // The connection that it happened to.
        if (whole < all - CALLS.length) t.fail(`${what} costs one connection: ${whole} of ${all} are whole`)
        for (const socket of origin.sockets) socket.destroy()
        await settles(t, lb, what)
        armed += thrown
        const counted = metric(lb, 'lb_internal_errors_total') - before
        if (counted < thrown) t.fail(`${what} is counted: ${counted} of ${thrown}`)
      }
    }
    const http2 = new Set<string>(
      hooks
        .slice(
          0,
          hooks.findIndex(({ of }) => of === 'ApiKeys')
        )
        .map(({ of }) => of)
    )
    await pass('HTTP/2', overHttp2)
    const heap = await heapMb()
    await pass('HTTP/1.1', overHttp1, ({ of }) => !http2.has(of) || /^Tls|^Handshake/.test(of))
    t.equal(late, 0, 'no client waits for what does not come')
    t.ok(armed > 80, `${armed} hooks threw`)
    const grown = (await heapMb()) - heap
    t.ok(grown < 16, `${grown.toFixed(1)} MB more on the heap`)
    t.equal(await round(overHttp2), all)
  }
)

t.test('a client whose body cannot be read on is answered, read out and counted out', async (t) => {
  const origin = await httpOrigin(t, 'one', (incoming, response) => {
    incoming.resume()
    incoming.once('end', () => response.end(incoming.url === '/large' ? large : 'small'))
  })
  const tls = { selfSigned: true }
  const lb = await startLb(t, {
    workers: 0,
    listeners: [{ name: 'web', mode: 'l7', bind: '127.0.0.1:0', tls, routes: [{ pool: 'a' }] }],
    // One at a time: the bodies of the others are held up.
    pools: {
      a: { queue: { max: 100, timeout: '4s' }, backends: [{ address: origin.address, maxConnections: 1 }] }
    }
  })
  const [hook] = hooksOf(TlsTransport).filter(({ name }) => name === 'resume')
  const disarm = hook!.arm(() => true)
  await Promise.all(Array.from({ length: CLIENTS }, () => overHttp1(lb.port('web'))))
  t.equal(disarm(), 1)
  // The idle ones, which are kept.
  for (const socket of origin.sockets) socket.destroy()
  await settles(t, lb, 'a resume that throws')
})
