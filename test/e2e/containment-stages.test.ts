import { Agent, request } from 'node:http'
import { gunzipSync, gzipSync } from 'node:zlib'
import t from 'tap'
import { BodyChain, Link } from '../../src/l7/exchange/body-chain.ts'
import { HeldBody } from '../../src/l7/exchange/held-body.ts'
import { RequestBody } from '../../src/l7/exchange/request-body.ts'
import { ResponseHead } from '../../src/l7/exchange/response/response-head.ts'
import { Wait } from '../../src/l7/exchange/wait.ts'
import { ApiKeys } from '../../src/l7/stages/auth/api-keys/api-keys.ts'
import { Remembered } from '../../src/l7/stages/auth/asking/remembered.ts'
import { ForwardAuth } from '../../src/l7/stages/auth/forward/forward.ts'
import { CachedExchange } from '../../src/l7/stages/cache/cached-exchange.ts'
import { Dictionaries } from '../../src/l7/stages/compress/dictionary/dictionaries.ts'
import { KeptEncoder } from '../../src/l7/stages/compress/kept-encoder.ts'
import { StreamEncoder } from '../../src/l7/stages/compress/stream-encoder.ts'
import { WholeEncoder } from '../../src/l7/stages/compress/whole-encoder.ts'
import { AdaptiveLimit } from '../../src/l7/stages/concurrency/adaptive-limit.ts'
import { BodyDecoder } from '../../src/l7/stages/decompress/body-decoder.ts'
import { DecoderRoom } from '../../src/l7/stages/decompress/decoder-room.ts'
import { Place, Places } from '../../src/l7/stages/mirror/places.ts'
import { Limit } from '../../src/l7/stages/rate-limit/limit.ts'
import { hooksOf, metric, settles, type Hook } from './hooks.ts'
import { httpOrigin, startLb } from './servers.ts'

const LARGE = Buffer.alloc(300_000, 'x')
const SMALL = Buffer.alloc(3_000, 'y')
const CLIENTS = 3
const UPLOAD = Buffer.alloc(100_000, 'z')

/** The answer as text; '' where there is none, or another than was meant. */
function ask(agent: Agent, port: number, path: string, upload?: Buffer): Promise<string> {
  return new Promise((resolve) => {
    const failed = () => resolve('')
    const coded = upload !== undefined && path.includes('coded')
    const headers = {
      'Accept-Encoding': 'gzip',
      ...(!path.includes('plain') && { 'X-Api-Key': 'key' }),
      ...(coded && { 'Content-Encoding': 'gzip' })
    }
    const method = upload === undefined ? 'GET' : 'PUT'
    const sent = request({ agent, port, host: '127.0.0.1', method, path, headers, timeout: 30_000 }, (response) => {
      const parts: Buffer[] = []
      response.on('data', (chunk: Buffer) => parts.push(chunk))
      response.on('end', () => {
        const body = Buffer.concat(parts)
        if (response.statusCode !== 200 || !response.complete) return failed()
        resolve((response.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body).toString())
      })
      response.on('error', failed)
    }) // prettier-ignore
    sent.on('error', failed)
    sent.on('timeout', () => sent.destroy())
    sent.end(coded ? gzipSync(upload) : upload)
  })
}

t.test('an exception anywhere in what stages do ends that exchange and no other', async (t) => {
  let cut = 0
  const handle: Parameters<typeof httpOrigin>[2] = (incoming, response) => {
    let got = 0
    incoming.on('data', (bytes: Buffer) => (got += bytes.length))
    incoming.once('end', () => {
      if (incoming.method === 'PUT' && got !== UPLOAD.length) cut++
      response.setHeader('Content-Type', 'text/plain')
      if (incoming.url!.startsWith('/stored')) response.setHeader('Cache-Control', 'public, max-age=1')
      response.end(incoming.url!.includes('large') ? LARGE : SMALL)
    })
  }
  const origin = await httpOrigin(t, 'one', handle)
  const shadow = await httpOrigin(t, 'two', handle)
  const guard = await httpOrigin(t, 'guard')
  const lb = await startLb(t, {
    workers: 0,
    listeners: [{ name: 'web', mode: 'l7', bind: '127.0.0.1:0', routes: [{
      pool: 'a',
      auth: { methods: [{ apiKeys: { keys: { alice: 'key' } } }, { forward: { url: `http://${guard.address}/` } }], optional: false },
      rateLimit: { requests: 100_000, per: '1s' },
      concurrency: { adaptive: true, queue: { max: 100, timeout: '3s' } },
      decompress: true,
      compress: { minBytes: '1b', dictionary: true },
      buffer: { request: '50kb' },
      mirror: { pool: 'b' },
      cache: { store: 'main' }
    }] }],
    pools: { a: { backends: [origin.address] }, b: { backends: [shadow.address] } },
    caches: { main: { maxBytes: '16mb', maxObjectBytes: '1mb' } }
  }) // prettier-ignore
  const port = lb.port('web')
  const hooks = hooksOf(BodyChain, Link, HeldBody, RequestBody, ResponseHead, Wait, ApiKeys, Remembered, ForwardAuth, CachedExchange, Dictionaries, KeptEncoder, StreamEncoder, WholeEncoder, AdaptiveLimit, BodyDecoder, DecoderRoom, Place, Places, Limit) // prettier-ignore
  const requestsOf = (round: number) =>
    [
      [`/stored-${round}`, SMALL, undefined],
      ['/coded', SMALL, UPLOAD],
      [`/large-${round}`, LARGE, undefined],
      ['/plain', SMALL, UPLOAD],
      [`/stored-large-${round}`, LARGE, undefined],
      [`/stored-large-${round}`, LARGE, undefined]
    ] as const
  /** How many of all clients' requests were answered whole. */
  const play = async (round: number) => {
    const answers = Array.from({ length: CLIENTS }, async () => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 })
      let whole = 0
      for (const [path, meant, upload] of requestsOf(round))
        if ((await ask(agent, port, path, upload)) === meant.toString()) whole++
      agent.destroy()
      return whole
    })
    return (await Promise.all(answers)).reduce((sum, each) => sum + each)
  }
  const closeKept = () => {
    for (const { sockets } of [origin, shadow]) for (const socket of sockets) socket.destroy()
  }
  const all = CLIENTS * requestsOf(0).length

  // Only what these requests enter is worth a round of its own.
  const turns = new Map<string, number>()
  const count =
    ({ of, name }: Hook) =>
    () => {
      turns.set(`${of}.${name}`, (turns.get(`${of}.${name}`) ?? 0) + 1)
      return false
    }
  const counting = hooks.map((hook) => hook.arm(count(hook)))
  t.equal(await play(0), all, 'all are answered while nothing throws')
  for (const disarm of counting) disarm()
  closeKept()
  await settles(t, lb, 'a round in which nothing throws')

  let armed = 0
  let round = 0
  for (const hook of hooks) {
    const what = `${hook.of}.${hook.name}`
    if ((turns.get(what) ?? 0) < 2) continue
    const before = metric(lb, 'lb_internal_errors_total')
    const disarm = hook.arm((turn) => turn === 2)
    const whole = await play(++round)
    const thrown = disarm()
    armed += thrown
    // What was fetched for several fails for them all.
    if (whole < (thrown > 0 ? all - CLIENTS : all)) t.fail(`${what} costs one exchange: ${whole} of ${all}`)
    closeKept()
    await settles(t, lb, what)
    const counted = metric(lb, 'lb_internal_errors_total') - before
    if (counted < thrown) t.fail(`${what} is counted: ${counted} of ${thrown}`)
    if (cut > 0) t.fail(`${what}: an upload was cut`)
    cut = 0
  }
  t.ok(armed > 50, `${armed} of ${hooks.length} hooks threw`)
})
