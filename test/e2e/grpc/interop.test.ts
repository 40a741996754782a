import * as grpc from '@grpc/grpc-js'
import t, { type Test } from 'tap'
import { testCertificates } from '../../net/certificates.ts'
import { startLb } from '../servers.ts'
import {
  grpcBackend,
  grpcClient,
  heard,
  INITIAL,
  single,
  TRAILING,
  type Asked,
  type Client
} from './service.ts'

// The interoperability cases of gRPC (doc/interop-test-descriptions.md in gRPC's own repository), with its own library on
// both ends, in clear text and over TLS on each side of lb.

const { status } = grpc
type Duplex = grpc.ClientDuplexStream<Asked, Buffer>
type Check = (t: Test, client: Client) => Promise<void>

const REQUESTS = [27_182, 8, 1828, 45_904]
const RESPONSES = [31_415, 9, 2653, 58_979]
const MESSAGE = 'test status message'
const SPECIAL = '\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n'
const sizesOf = (answers: readonly Buffer[]): number[] => answers.map(({ length }) => length)
const duplex = (client: Client, ...rest: unknown[]): Duplex => client.fullDuplexCall!(...rest) as Duplex

const cases: Record<string, Check> = {
  async empty_unary(t, client) {
    t.match(await single(client, 'emptyCall', {}), { code: status.OK, answers: [Buffer.alloc(0)] })
  },
  async large_unary(t, client) {
    const { code, answers } = await single(client, 'unaryCall', { pad: 271_828, sizes: [314_159] })
    t.equal(code, status.OK)
    t.strictSame(sizesOf(answers), [314_159])
  },
  async client_streaming(t, client) {
    const { code, answers } = await single(client, 'streamingInputCall', undefined, undefined, (call) => {
      for (const pad of REQUESTS) call.write({ pad })
      call.end()
    })
    t.equal(code, status.OK)
    t.equal(String(answers[0]), '74922')
  },
  async server_streaming(t, client) {
    const ended = await heard(client.streamingOutputCall!({ sizes: RESPONSES }) as Duplex)
    t.equal(ended.code, status.OK)
    t.strictSame(sizesOf(ended.answers), RESPONSES)
  },
  async ping_pong(t, client) {
    const call = duplex(client)
    const ask = (at: number): unknown =>
      at < REQUESTS.length ? call.write({ pad: REQUESTS[at]!, sizes: [RESPONSES[at]!] }) : call.end()
    ask(0)
    const ended = await heard(call, (_, count) => ask(count))
    t.equal(ended.code, status.OK)
    t.strictSame(sizesOf(ended.answers), RESPONSES)
  },
  async empty_stream(t, client) {
    const call = duplex(client)
    call.end()
    t.match(await heard(call), { code: status.OK, answers: [] })
  },
  async timeout_on_sleeping_server(t, client) {
    const call = duplex(client, { deadline: Date.now() + 1 })
    call.write({ pad: 27_182 })
    t.equal((await heard(call)).code, status.DEADLINE_EXCEEDED)
  },
  async cancel_after_begin(t, client) {
    const ended = await single(client, 'streamingInputCall', undefined, undefined, (call) => call.cancel())
    t.equal(ended.code, status.CANCELLED)
  },
  async cancel_after_first_response(t, client) {
    const call = duplex(client)
    call.write({ pad: 27_182, sizes: [31_415] })
    const ended = await heard(call, () => call.cancel())
    t.equal(ended.code, status.CANCELLED)
    t.strictSame(sizesOf(ended.answers), [31_415])
  },
  async status_code_and_message(t, client) {
    const wanted = { code: 2, details: MESSAGE }
    t.match(await single(client, 'unaryCall', { status: wanted }), wanted)
    const call = duplex(client)
    call.write({ status: wanted })
    call.end()
    t.match(await heard(call), wanted)
  },
  async special_status_message(t, client) {
    const ended = await single(client, 'unaryCall', { status: { code: 2, details: SPECIAL } })
    t.equal(ended.code, 2)
    t.equal(ended.details, SPECIAL)
  },
  async unimplemented_method(t, client) {
    t.equal((await single(client, 'unimplementedCall', {})).code, status.UNIMPLEMENTED)
  },
  async unimplemented_service(t, client) {
    t.equal((await single(client, 'otherService', {})).code, status.UNIMPLEMENTED)
  },
  async custom_metadata(t, client) {
    const metadata = new grpc.Metadata()
    metadata.set(INITIAL, 'test_initial_metadata_value')
    metadata.set(TRAILING, Buffer.from('ababab', 'hex'))
    const one = await single(client, 'unaryCall', { pad: 271_828, sizes: [314_159] }, metadata)
    const call = duplex(client, metadata)
    call.write({ pad: 271_828, sizes: [314_159] })
    call.end()
    for (const ended of [one, await heard(call)]) {
      t.equal(ended.code, status.OK)
      t.strictSame(ended.initial?.get(INITIAL), ['test_initial_metadata_value'])
      t.strictSame(ended.trailers?.get(TRAILING), [Buffer.from('ababab', 'hex')])
    }
  }
}

t.test('the interoperability cases of gRPC hold over all four ways through lb', async (t) => {
  const certificates = testCertificates()
  const leaf = certificates.leaf('a.example')
  const ways = { h2c: { protocols: ['h2'] }, h2: { protocols: ['h2'], tls: { certificates: [leaf.files] } } }
  const pools = {
    'to-h2c': { protocol: 'h2c', backends: [await grpcBackend(t)] },
    'to-h2': { protocol: 'h2', tls: { ca: certificates.caFile, serverName: 'a.example' }, backends: [await grpcBackend(t, leaf)] }
  } // prettier-ignore
  const listeners = Object.entries(ways).flatMap(([name, keys]) =>
    Object.keys(pools).map((pool) => ({
      name: `${name}-${pool}`,
      bind: '127.0.0.1:0',
      mode: 'l7',
      ...keys,
      pool
    }))
  )
  const lb = await startLb(t, { workers: 1, listeners, pools })
  for (const { name } of listeners) {
    const client = grpcClient(t, lb.port(name), name.startsWith('h2-') ? certificates.ca : undefined)
    t.test(name, async (t) => {
      for (const [title, check] of Object.entries(cases)) await t.test(title, async (t) => check(t, client))
    })
  }
})

t.test(
  'of 1,000 streams at a time no message is lost and none overtakes another',
  { timeout: 120_000 },
  async (t) => {
    const STREAMS = 1000
    const MESSAGES = 6
    const lb = await startLb(t, {
    workers: 2,
    listeners: [{ name: 'web', bind: '127.0.0.1:0', mode: 'l7', protocols: ['h2'], pool: 'web', http2: { maxStreams: 500 } }],
    pools: { web: { protocol: 'h2c', backends: [await grpcBackend(t), await grpcBackend(t)] } }
  }) // prettier-ignore
    const clients = Array.from({ length: 10 }, () => grpcClient(t, lb.port('web')))
    const problems: string[] = []
    const one = async (client: Client, stream: number): Promise<void> => {
      const call = duplex(client)
      const word = (at: number): string => `${stream}/${at}/${'x'.repeat((stream * 31 + at * 997) % 4000)}`
      for (let at = 0; at < MESSAGES; at++) call.write({ echo: word(at) })
      const { code, answers } = await heard(call, (_, count) => {
        if (count === MESSAGES) call.end()
      })
      if (code !== status.OK) problems.push(`stream ${stream}: status ${code}`)
      for (let at = 0; at < MESSAGES; at++) {
        if (String(answers[at]) !== word(at)) problems.push(`stream ${stream}: message ${at}`)
      }
      if (answers.length !== MESSAGES) problems.push(`stream ${stream}: ${answers.length} messages`)
    }
    await Promise.all(
      Array.from({ length: STREAMS }, async (_, stream) => one(clients[stream % clients.length]!, stream))
    )
    t.strictSame(problems.slice(0, 5), [])
  }
)
