import { connect } from 'node:net'
import type { Duplex } from 'node:stream'
import { connect as connectTls } from 'node:tls'
import t from 'tap'
import { startLb } from '../../e2e/servers.ts'
import { cases as firstCases, type Case } from './downgrade/cases.ts'
import { moreCases } from './downgrade/more-cases.ts'
import { recorder, type Recorder } from './downgrade/recorder.ts'
import { block, frame, parseFrames, preface, type Frame } from './wire.ts'

// What a client of HTTP/2 can say and HTTP/1.1 cannot: none of it may become another request at the backend.

const cases = [...firstCases, ...moreCases]

/** A connection of HTTP/2 that gathers frames. */
class Peer {
  readonly socket: Duplex
  closed = false
  #bytes = Buffer.alloc(0)

  constructor(socket: Duplex) {
    this.socket = socket
    this.socket.on('data', (bytes: Buffer) => (this.#bytes = Buffer.concat([this.#bytes, bytes])))
    this.socket.on('error', () => {})
    this.socket.on('close', () => (this.closed = true))
    this.socket.write(preface)
  }

  of(id: number): Frame[] {
    return parseFrames(this.#bytes).filter((each) => each.id === id)
  }

  /** How stream `id` ended; undefined: it has not. */
  end(id: number): 'answered' | 'reset' | undefined {
    const frames = this.of(id)
    if (frames.some(({ type }) => type === 3)) return 'reset'
    if (frames.some(({ type, flags }) => type < 2 && (flags & 1) === 1)) return 'answered'
    return this.closed ? 'reset' : undefined
  }

  async ended(id: number): Promise<'answered' | 'reset'> {
    const late = Date.now() + 20_000
    for (;;) {
      const end = this.end(id)
      if (end !== undefined) return end
      if (Date.now() > late) throw new Error(`stream ${id} has no end: ${JSON.stringify(this.of(id))}`)
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
  }
}

const CANARY = 'GET /canary HTTP/1.1'
const canary = frame(1, 5, 3, block([[':method', 'GET'], [':scheme', 'http'], [':path', '/canary'], [':authority', 'a.example']])) // prettier-ignore

/** Plays every case and says which went wrong. */
async function play(dial: () => Duplex, backend: Recorder): Promise<string[]> {
  const wrong: string[] = []
  for (const one of cases) {
    const before = backend.requests.length
    const peer = new Peer(dial())
    peer.socket.write(one.frames)
    const end = await peer.ended(1)
    // The same connection to the backend, mostly: what was left over there would come before it.
    let next = peer
    if (peer.end(1) === 'reset' && peer.of(0).some(({ type }) => type === 7)) next = new Peer(dial())
    next.socket.write(canary)
    if ((await next.ended(3)) !== 'answered' || next.of(3)[0]?.payload[0] !== 0x88) {
      wrong.push(`${one.name}: what came behind it was not answered`)
    }
    for (const { socket } of [peer, next]) socket.destroy()
    const came = backend.requests.slice(before).filter(({ line }) => line !== CANARY)
    const words = judge(one, end, came)
    if (words !== undefined) wrong.push(`${one.name}: ${words}`)
  }
  return wrong
}

const plain = { backends: [] as string[], breaker: false, retry: false }
const ways: readonly [name: string, listener: object, pool?: object][] = [
  ['in clear text', { protocols: ['h2'] }],
  ['over TLS', { protocols: ['h2', 'http/1.1'], tls: { selfSigned: true } }],
  [
    'through stages that touch bodies',
    {
      protocols: ['h2', 'http/1.1'],
      routes: [
        { pool: 'web', buffer: { request: '64kb' }, decompress: true, compress: true, grpcWeb: true, mirror: { pool: 'mirror' } }
      ] // prettier-ignore
    },
    { retry: { attempts: 2, on: ['connect-failure', 502] } }
  ]
]

for (const [name, listener, pool] of ways) {
  t.test(
    `${cases.length} requests of HTTP/2 become one of HTTP/1.1 at most, ${name}`,
    { timeout: 300_000 },
    async (t) => {
      t.ok(cases.length >= 300)
      const backend = await recorder()
      const mirror = await recorder()
      t.teardown(() => (backend.close(), mirror.close()))
      const lb = await startLb(t, {
        workers: 0,
        listeners: [{ name: 'web', bind: '127.0.0.1:0', mode: 'l7', pool: 'web', ...listener }],
        pools: {
          web: { ...plain, backends: [backend.address], ...pool },
          mirror: { ...plain, backends: [mirror.address] }
        }
      })
      const at = { port: lb.port('web'), host: '127.0.0.1', noDelay: true }
      const secure = { ...at, rejectUnauthorized: false, ALPNProtocols: ['h2'] }
      const wrong = await play(() => ('tls' in listener ? connectTls(secure) : connect(at)), backend)
      t.strictSame(wrong, [])
      t.strictSame([...backend.violations, ...mirror.violations], [])
      t.equal(backend.requests.filter(({ line }) => line === CANARY).length, cases.length)
    }
  )
}

function judge(one: Case, end: 'answered' | 'reset', came: Recorder['requests']): string | undefined {
  if (came.length > 1) return `${came.length} requests: ${JSON.stringify(came)}`
  const { forwarded } = one
  if (forwarded === undefined) return came.length === 0 ? undefined : `forwarded: ${JSON.stringify(came)}`
  const trailer = one.withoutTrailer
  if (trailer !== undefined && came.some(({ trailers }) => new RegExp(`^${trailer}:`, 'im').test(trailers))) {
    return `with the trailer ${trailer}`
  }
  if (forwarded === 'either') return undefined
  if (end !== 'answered') return 'refused'
  const [request] = came
  const host = request?.fields.find((field) => /^host:/i.test(field))?.slice(6)
  const same = request?.line === forwarded.line && host === forwarded.host && request.body === forwarded.body
  if (!same) return `it became ${JSON.stringify(request)}`
  const { field } = forwarded
  return field === undefined || request.fields.includes(field) ? undefined : `without ${field}`
}
