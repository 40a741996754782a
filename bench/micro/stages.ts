/**
 * `node bench/micro/stages.ts [--root tree] [--browser] [--turns n] [--only none,log,ten] [--profile]`: what each stage adds to the JavaScript of one
 * request, kernel left out: an engine between transports that only copy. A process for each set of stages, in turns; the
 * time of the quickest tenth of many short batches, so that it can be read on a busy machine too.
 * `--root`: another checkout, to compare with. `--keys n`: so many API keys; `--used n`: so many of them come, in turn, all without it.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import type * as TheParseConfig from '../../src/config/parse-config.ts'
import type * as TheTable from '../../src/balancer/table/table.ts'
import type * as TheSlotRegistry from '../../src/balancer/table/slot-registry.ts'
import type * as ThePool from '../../src/balancer/pool/pool.ts'
import type * as TheClock from '../../src/core/clock.ts'
import type * as TheDeadlines from '../../src/core/deadlines.ts'
import type * as TheMetrics from '../../src/core/metrics/metrics.ts'
import type * as TheLog from '../../src/core/log/log.ts'
import type * as TheCompile from '../../src/l7/compile/compile.ts'
import type * as TheL7Engine from '../../src/l7/l7-engine.ts'
import type * as TheTransport from '../../src/net/transport/transport.ts'
import type * as TheSent from '../../src/l7/http1/client/sent.ts'
import type * as TheResponseParser from '../../src/l7/http1/parse/response-parser.ts'
import type { UpstreamStream, Upstreams } from '../../src/l7/forward/upstreams.ts'
import type { UpstreamClient } from '../../src/l7/forward/upstream-client.ts'
import type { Outgoing } from '../../src/l7/forward/forward-owner.ts'
import type { L7ListenerConfig } from '../../src/config/model/model.ts'
import { writeLatin1 } from '../../src/core/latin1.ts'
import { textTable } from '../report/text-table.ts'
import { API_KEY, lbConfig } from '../targets/lb.ts'
import { plainWork, stageNames, type StageName } from '../targets/target.ts'

const { values } = parseArgs({
  options: {
    root: { type: 'string', default: join(import.meta.dirname, '..', '..') },
    browser: { type: 'boolean', default: false },
    turns: { type: 'string', default: '6' },
    only: { type: 'string' },
    stages: { type: 'string' },
    profile: { type: 'boolean', default: false },
    keys: { type: 'string', default: '1' },
    used: { type: 'string' }
  }
})

const root = resolve(values.root)
/** Shorter than a time slice of the scheduler. */
const BATCH = 100
const BATCHES_PER_TURN = 150

const REQUEST = `GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nX-Api-Key: ${API_KEY}\r\n\r\n`
const BROWSER =
  `GET /shop/items/4711?sort=price&page=2 HTTP/1.1\r\nHost: shop.example.com\r\nX-Api-Key: ${API_KEY}\r\n` +
  'User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n' +
  'Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n' +
  'Accept-Language: en-GB,en;q=0.7,de;q=0.3\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n' +
  'Connection: keep-alive\r\nReferer: https://shop.example.com/shop/\r\nUpgrade-Insecure-Requests: 1\r\n' +
  'Cookie: session=9f8b7c6d5e4f3a2b1c0d; theme=dark; consent=yes\r\n' +
  'Sec-Fetch-Dest: document\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Site: same-origin\r\nPriority: u=0, i\r\n\r\n'
const RESPONSE =
  'HTTP/1.1 200 OK\r\nServer: nginx\r\nDate: Sat, 21 Nov 2026 00:00:00 GMT\r\nContent-Type: text/plain\r\n' +
  'Content-Length: 100\r\nConnection: keep-alive\r\n\r\n' +
  'x'.repeat(100)

/** What the child measures: a loop of whole requests. */
async function prepare(names: readonly StageName[], folder: string): Promise<(count: number) => void> {
  const load = <T>(file: string): Promise<T> => import(join(root, 'src', file)) as Promise<T>
  const [{ configFromObject }, { BackendTable }, { SlotRegistry }, { Pool }, { systemClock }, { Deadlines }] =
    await Promise.all([
      load<typeof TheParseConfig>('config/parse-config.ts'),
      load<typeof TheTable>('balancer/table/table.ts'),
      load<typeof TheSlotRegistry>('balancer/table/slot-registry.ts'),
      load<typeof ThePool>('balancer/pool/pool.ts'),
      load<typeof TheClock>('core/clock.ts'),
      load<typeof TheDeadlines>('core/deadlines.ts')
    ])
  const [{ Metrics }, { createLogger }, { compilePool }, { L7Engine }, { Transport }] = await Promise.all([
    load<typeof TheMetrics>('core/metrics/metrics.ts'),
    load<typeof TheLog>('core/log/log.ts'),
    load<typeof TheCompile>('l7/compile/compile.ts'),
    load<typeof TheL7Engine>('l7/l7-engine.ts'),
    load<typeof TheTransport>('net/transport/transport.ts')
  ])
  const [{ requestHead }, { parseResponse, parsedResponse }] = await Promise.all([
    load<typeof TheSent>('l7/http1/client/sent.ts'),
    load<typeof TheResponseParser>('l7/http1/parse/response-parser.ts')
  ])

  const out = Buffer.alloc(65_536)
  let sent = 0
  class Copies extends Transport {
    override get closed(): boolean {
      return false
    }
    override get pending(): number {
      return 0
    }
    override get remote() {
      return { address: '127.0.0.1', port: 40_000 }
    }
    override get local() {
      return { address: '127.0.0.1', port: 8080 }
    }
    override pause(): void {}
    override resume(): void {}
    override cork(): void {}
    override uncork(): void {}
    override end(): void {}
    override destroy(): void {}
    override reset(): void {}
    override keepAlive(): void {}
    protected override writeText(text: string): boolean {
      sent += writeLatin1(out, text, 0)
      return true
    }
    protected override writeBytes(): boolean {
      return true
    }
    protected override writeBoth(text: string): boolean {
      return this.writeText(text)
    }
  }

  const config = lbConfig({ ...plainWork, backends: ['127.0.0.1:9'], stages: names }, 8080) as {
    listeners: Record<string, unknown>[]
  }
  if (names.includes('log')) config.listeners[0]!.accessLog = { file: join(folder, 'access.log') }
  const known = Number(values.keys)
  const keys = [
    API_KEY,
    ...Array.from({ length: known - 1 }, () => randomBytes(18).toString('base64url').slice(0, 23))
  ]
  if (names.includes('api-key')) {
    const named = Object.fromEntries(keys.map((key, i) => [`client-${i}`, [key]]))
    config.listeners[0]!.auth = { methods: [{ apiKeys: { header: 'x-api-key', keys: named } }] }
  }
  const result = configFromObject(config)
  if (!result.ok) throw new Error(JSON.stringify(result))
  const listener = result.config.listeners[0] as L7ListenerConfig
  const table = BackendTable.create({ capacity: 64, poolCapacity: 64 })
  const pools = Object.values(result.config.pools)
  const slots = new SlotRegistry(table, systemClock).assign(pools)
  const metrics = new Metrics()
  const pool = new Pool({
    config: pools[0]!,
    slots: slots.origin!,
    table,
    clock: systemClock,
    random: Math.random,
    onRelease: () => {}
  })
  let asked: { request: Outgoing; client: UpstreamClient } | undefined
  const stream: UpstreamStream = {
    isOpen: true,
    sendBody: () => true,
    endBody: () => undefined,
    flush() {
      const head = requestHead(asked!.request)
      sent += writeLatin1(out, head, 0)
      return true
    },
    cancel() {},
    pause() {},
    resume() {}
  }
  const upstreams: Upstreams = {
    open(_backend, request, _times, client) {
      asked = { request, client }
      return stream
    }
  }
  const deadlines = new Deadlines(systemClock, 100)
  const compiled = compilePool(pool, { metrics, clock: systemClock, deadlines }, upstreams)
  const engine = new L7Engine(
    {
      clock: systemClock,
      random: Math.random,
      deadlines,
      log: createLogger({ level: 'warn' }),
      metrics
    },
    { config: listener, pool: () => compiled, gate: undefined, cache: () => undefined }
  )
  const transports: InstanceType<typeof Copies>[] = []
  for (let i = 0; i < 64; i++) {
    engine.accept((owner) => {
      const transport = new Copies(owner)
      transports.push(transport)
      return transport
    })
  }
  const text = values.browser ? BROWSER : REQUEST
  const requests = keys.slice(0, Number(values.used ?? known)).map((key) =>
    Buffer.from(
      text.replace(API_KEY, () => key),
      'latin1'
    )
  )
  // Not in the order in which the table has them.
  const step = requests.length > 7919 ? 7919 : 1
  let turn = 0
  const response = Buffer.from(RESPONSE, 'latin1')
  let next = 0
  return (count) => {
    for (let i = 0; i < count; i++) {
      const { owner } = transports[next++ & 63]!
      asked = undefined
      const request = requests[turn]!
      turn = (turn + step) % requests.length
      owner.onData(request, 0, request.length)
      const { client } = asked! as { client: UpstreamClient }
      const end = parseResponse(response, 0, response.length, false)
      client.onResponse(parsedResponse())
      client.onBody(response, end, response.length)
      client.onResponseEnd('')
      client.onReadDone()
    }
    if (sent === 0) throw new Error('nothing was sent')
  }
}

async function child(names: readonly StageName[]): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'lb-micro-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  const loop = await prepare(names, folder)
  loop(20_000)
  process.send!('ready')
  process.on('message', (turn: number) => {
    const times: number[] = []
    for (let i = 0; i < BATCHES_PER_TURN; i++) {
      const before = performance.now()
      loop(BATCH)
      times.push(((performance.now() - before) * 1e3) / BATCH)
    }
    setImmediate(() => process.send!({ turn, times }))
  })
}

interface Row {
  readonly name: string
  readonly process: ChildProcess
  readonly times: number[]
}

async function main(): Promise<void> {
  const sets: (readonly [string, readonly StageName[]])[] = [
    ['none', []],
    ...stageNames.filter((name) => name !== 'id').map((name) => [name, [name]] as const),
    ['five', stageNames.slice(0, 5)],
    ['ten', stageNames]
  ]
  const wanted = values.only?.split(',')
  const rows: Row[] = []
  for (const [name, names] of sets) {
    if (wanted !== undefined && !wanted.includes(name)) continue
    const flags = [
      ...process.execArgv,
      ...(values.profile
        ? ['--cpu-prof', '--cpu-prof-interval=100', `--cpu-prof-name=micro-${name}.cpuprofile`]
        : [])
    ]
    const args = [...flags, import.meta.filename, ...process.argv.slice(2), '--stages', names.join(',')]
    const made = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    await new Promise((done) => made.once('message', done))
    rows.push({ name, process: made, times: [] })
  }
  for (let turn = 0; turn < Number(values.turns); turn++) {
    for (const row of turn % 2 === 0 ? rows : rows.toReversed()) {
      row.process.send(turn)
      const { times } = await new Promise<{ times: number[] }>((done) => row.process.once('message', done))
      // The first turn is for the compiler.
      if (turn > 0) row.times.push(...times)
    }
  }
  for (const { process: made } of rows) made.disconnect()
  const quick = ({ times }: Row): number => times.toSorted((a, b) => a - b)[Math.floor(times.length / 10)]!
  const base = quick(rows[0]!)
  console.log(
    textTable([
      ['stages', 'µs', 'more than the first'],
      ...rows.map((row) => [row.name, quick(row).toFixed(2), (quick(row) - base).toFixed(2)])
    ])
  )
}

if (values.stages === undefined) await main()
else await child(values.stages.split(',').filter((name) => name !== '') as StageName[])
