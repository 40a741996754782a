/**
 * `node bench/discovery-churn.ts [--seconds 15] [--events 10000] [--backends 1000] [--workers 1]`: what changes of backends cost. The events of a minute come at an even
 * pace, from an imitation of a Kubernetes API server or of a Docker daemon, each a real change (an endpoint that comes or goes), while
 * workers answer 500 requests per second. Shown: processor time of the main thread (the control plane), p99 of the requests, with events and without.
 */
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { freePort } from '../test/free-port.ts'
import { listening, Processes } from './harness/processes.ts'
import { parseStat } from './harness/proc.ts'
import { parseResult } from './load/load-result.ts'
import { textTable } from './report/text-table.ts'
import { nodeBinary } from './targets/lb.ts'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '15' },
    events: { type: 'string', default: '10000' },
    backends: { type: 'string', default: '1000' },
    workers: { type: 'string', default: '1' }
  }
})
const seconds = Number(values.seconds)
const perMinute = Number(values.events)
const count = Number(values.backends)

const SLICE = 100
const TICKS_PER_SECOND = 100
const root = join(import.meta.dirname, '..')
const processes = new Processes()
const folder = mkdtempSync(join(tmpdir(), 'lb-churn-'))
process.once('exit', () => rmSync(folder, { recursive: true, force: true }))

const host = (i: number) => `10.${1 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}`

/** A source that changes by one backend at each step. */
interface Churning {
  readonly discover: object
  step(): void
}

async function kubernetes(): Promise<Churning> {
  const streams = new Set<ServerResponse>()
  let version = 1
  let turn = 0
  const slices = Array.from({ length: Math.ceil(count / SLICE) }, (_, s) =>
    Array.from({ length: Math.min(SLICE, count - s * SLICE) }, (_, i) => ({
      addresses: [host(s * SLICE + i)],
      conditions: { ready: true }
    }))
  )
  const slice = (index: number) => ({
    metadata: { name: `api-${index}`, resourceVersion: String(++version) },
    addressType: 'IPv4',
    ports: [{ port: 80 }],
    endpoints: slices[index]
  })
  const server = createServer((request, response) => {
    if (request.url!.includes('watch=true')) {
      streams.add(response.writeHead(200))
      response.flushHeaders()
    } else {
      const items = slices.map((_, index) => slice(index))
      response.end(JSON.stringify({ metadata: { resourceVersion: String(version) }, items }))
    }
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const kubeconfig = join(folder, 'kubeconfig')
  writeFileSync(
    kubeconfig,
    JSON.stringify({
      'current-context': 'x',
      contexts: [{ name: 'x', context: { cluster: 'c' } }],
      clusters: [
        { name: 'c', cluster: { server: `http://127.0.0.1:${(server.address() as AddressInfo).port}` } }
      ]
    })
  )
  return {
    discover: { kubernetes: { service: 'api', kubeconfig } },
    step() {
      const index = turn++ % slices.length
      const endpoint = slices[index]![turn % slices[index]!.length]!
      endpoint.conditions.ready = !endpoint.conditions.ready
      const line = `${JSON.stringify({ type: 'MODIFIED', object: slice(index) })}\n`
      for (const stream of streams) stream.write(line)
    }
  }
}

async function docker(): Promise<Churning> {
  const streams = new Set<ServerResponse>()
  const socket = join(folder, 'docker.sock')
  let turn = 0
  const running = Array.from({ length: count }, () => true)
  const idOf = (i: number) => i.toString(16).padStart(64, '0')
  const container = (i: number) => ({
    Id: idOf(i),
    Names: [`/c${i}`],
    Labels: { 'lb.pool': 'api' },
    NetworkSettings: { Networks: { b: { IPAddress: host(i) } } }
  })
  const server = createServer((request, response) => {
    if (request.url!.startsWith('/events')) {
      streams.add(response.writeHead(200))
      response.flushHeaders()
    } else {
      const { id } = JSON.parse(new URL(request.url!, 'http://x').searchParams.get('filters')!) as {
        id?: string[]
      }
      const asked = id?.map((each) => parseInt(each, 16)) ?? running.keys()
      response.end(JSON.stringify(Array.from(asked).flatMap((i) => (running[i] ? [container(i)] : []))))
    }
  }).listen(socket)
  await once(server, 'listening')
  return {
    discover: { docker: { label: 'lb.pool=api', socket, port: 80 } },
    step() {
      const i = (turn++ * 7) % count
      running[i] = !running[i]
      const line = `{"Type":"container","Action":"${running[i] ? 'start' : 'die'}","Actor":{"ID":"${idOf(i)}"}}\n`
      for (const stream of streams) stream.write(line)
    }
  }
}

/** Of its main thread and of the whole process, in seconds so far. */
function cpu(pid: number): { readonly main: number; readonly all: number } {
  const of = (path: string) => (parseStat(readFileSync(path, 'utf8'))?.ticks ?? 0) / TICKS_PER_SECOND
  return { main: of(`/proc/${pid}/task/${pid}/stat`), all: of(`/proc/${pid}/stat`) }
}

async function requests(port: number): Promise<{ p99: number; errors: number }> {
  const order = JSON.stringify({ port, ratePerSecond: 500, connections: 20, seconds })
  const script = join(root, 'bench/load/open-loop.ts')
  const { stdout } = await promisify(execFile)(nodeBinary(root), [script, order])
  const { latency, errors } = parseResult(stdout)
  return { p99: latency!.p99, errors }
}

const rows: string[][] = []
for (const [name, make] of [
  ['Kubernetes', kubernetes],
  ['Docker', docker]
] as const) {
  const source = await make()
  const port = await freePort()
  const file = join(folder, `${name}.yaml`)
  const config = {
    workers: Number(values.workers),
    log: { level: 'warn' },
    listeners: [
      {
        bind: `127.0.0.1:${port}`,
        mode: 'l7',
        accessLog: false,
        pool: 'api',
        routes: [{ match: { pathPrefix: '/' }, respond: { status: 200, body: 'fine' } }]
      }
    ],
    pools: { api: { discover: source.discover } }
  }
  writeFileSync(file, JSON.stringify(config))
  const args = [join(root, 'bin', 'lb.js'), '--config', file]
  const lb = processes.start({ name: 'lb', command: nodeBinary(root), args })
  await listening(lb, port)
  await requests(port)
  for (const events of [0, perMinute]) {
    const before = cpu(lb.pid)
    const from = performance.now()
    let done = 0
    const timer = setInterval(() => {
      for (; done < ((performance.now() - from) / 60_000) * events; done++) source.step()
    }, 5)
    const { p99, errors } = await requests(port)
    clearInterval(timer)
    const took = (performance.now() - from) / 1000
    const after = cpu(lb.pid)
    const share = (used: number) => `${((100 * used) / took).toFixed(1)} %`
    rows.push([
      name,
      String(Math.round((done / took) * 60)),
      share(after.main - before.main),
      share(after.all - before.all - (after.main - before.main)),
      `${p99.toFixed(1)} ms`,
      String(errors)
    ])
  }
}
console.log(
  textTable([
    ['source', 'events per minute', 'main thread', 'other threads', 'p99 of requests', 'errors'],
    ...rows
  ])
)
await processes.stopAll()
process.exit(0)
