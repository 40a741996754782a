import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { join, resolve } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { seededRandom } from '../../../src/core/random.ts'
import { testCertificates } from '../../net/certificates.ts'
import { AbusiveClients } from './clients.ts'
import { recordedHellos } from './recorded-hellos.ts'

export interface AbuseOptions {
  readonly folder: string
  readonly seed: number
  readonly connections: number
  readonly atOnce: number
  /** Of the connections, those that finish the handshake. */
  readonly whole: number
  /** Milliseconds between two collections of all garbage; 0: none is forced. */
  readonly collectEveryMs: number
  /** Ends before all connections are made. Default: when they are. */
  readonly withinMs?: number
  /** Connections between two looks at the memory. Default: a tenth. */
  readonly lookEvery?: number
  readonly onProgress?: (line: string) => void
}

export interface AbuseReport {
  readonly made: number
  readonly counts: ReadonlyMap<string, number>
  /** Connections that lb still counts as open once all clients are gone. */
  readonly open: number
  readonly descriptors: { readonly before: number; readonly after: number }
  /** Memory of the process in MB, at each look. */
  readonly memory: readonly number[]
  /** What lb has logged as an error, and its exit, if it ended. */
  readonly faults: readonly string[]
}

const bin = resolve(import.meta.dirname, '../../../bin/lb.js')
const SETTLED_WITHIN_MS = 60_000
/** Connections to backends, which lb keeps. */
const KEPT = 8

/** Lets abusive clients loose on an lb of its own, with two workers, and looks at what is left. */
export async function runAbuse(options: AbuseOptions): Promise<AbuseReport> {
  const origin = await listening(
    createHttpServer((request, response) => {
      request.resume()
      response.on('error', () => {})
      response.end(request.url === '/big' ? Buffer.alloc(300_000, 'y') : 'small')
    })
  )
  const echo = await listening(
    createServer((socket) => {
      socket.on('error', () => {})
      socket.pipe(socket)
    })
  )
  writeFileSync(join(options.folder, 'lb.json'), JSON.stringify(configOf(origin, echo)))
  const args = ['--expose-gc', bin, '--config', join(options.folder, 'lb.json')]
  const env = {
    ...process.env,
    NODE_OPTIONS: '',
    LB_LOG: 'json',
    COLLECT_EVERY_MS: String(options.collectEveryMs)
  }
  if (options.collectEveryMs === 0) args.shift()
  const lb = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const faults: string[] = []
  let said = ''
  for (const stream of [lb.stdout, lb.stderr]) {
    let rest = ''
    stream.setEncoding('utf8').on('data', (text: string) => {
      if (said.length < 10_000) said += text
      const lines = (rest + text).split('\n')
      rest = lines.pop()!
      // Errors (50) and worse, and what is no line of the log.
      faults.push(...lines.filter((line) => !/^\{"level":([1-4]0|"(trace|debug|info|warn)")/.test(line)))
    })
  }
  let ended = false
  void once(lb, 'exit').then(([code, signal]) => {
    ended = true
    faults.push(`ended: ${code ?? signal}`)
  })
  while (!ended && !said.includes('lb runs with')) await wait(20)
  const portOf = (what: string): number => {
    const line = said.split('\n').find((line) => line.includes(`"msg":"${what}`)) ?? ''
    return Number(/:(\d+)"\}$/.exec(line)?.[1] ?? 0)
  }
  const [http, tcp, admin] = [portOf('listener http'), portOf('listener tcp'), portOf('admin on')]
  const metrics = async (): Promise<string> => {
    const answer = await fetch(`http://127.0.0.1:${admin}/metrics`)
    return answer.text()
  }
  const clients = new AbusiveClients({
    ports: [http, http, http, tcp],
    hellos: await recordedHellos(),
    random: seededRandom(options.seed)
  })
  const descriptors = () => readdirSync(`/proc/${lb.pid}/fd`).length
  const memory: number[] = []
  let made = 0
  const before = descriptors()
  const every = options.lookEvery ?? Math.ceil(options.connections / 10)
  const end = Date.now() + (options.withinMs ?? Infinity)
  const over = (): boolean => ended || Date.now() > end
  try {
    while (made < options.connections && !over()) {
      const until = Math.min(options.connections, made + every)
      await Promise.all(
        Array.from({ length: options.atOnce }, async () => {
          while (made < until && !over()) {
            made++
            await clients.live(options.whole)
          }
        })
      )
      memory.push(memoryMb(lb.pid!))
      options.onProgress?.(`${made}: ${memory.at(-1)} MB, ${ended ? 'ended' : descriptors()} descriptors`)
    }
    const open = async (): Promise<number> => (ended ? 0 : openIn(await metrics()))
    const deadline = Date.now() + SETTLED_WITHIN_MS
    while ((await open()) > 0 && Date.now() < deadline) await wait(100)
    const after = ended ? 0 : await leastOf(descriptors, () => ended || descriptors() <= before + KEPT)
    return {
      made,
      counts: clients.counts,
      open: await open(),
      descriptors: { before, after },
      memory,
      faults: [...faults]
    }
  } finally {
    lb.kill('SIGKILL')
    for (const server of [origin, echo]) server.close()
  }
}

/** The least that is seen in some seconds: connections end a little later than their clients. */
async function leastOf(count: () => number, enough: () => boolean): Promise<number> {
  let least = Infinity
  for (let n = 0; n < 80; n++) {
    least = Math.min(least, count())
    if (enough()) break
    await wait(100)
  }
  return least
}

function openIn(text: string): number {
  return [...text.matchAll(/^lb_connections_open\{.*\} (\d+)$/gm)].reduce((sum, [, n]) => sum + Number(n), 0)
}

function memoryMb(pid: number): number {
  const [, kb] = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Math.round(Number(kb) / 1_000)
}

async function listening(server: Server): Promise<Server> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

function configOf(origin: Server, echo: Server): object {
  const pki = testCertificates()
  const certificates = [pki.leaf('a.test').files, pki.issue({ san: 'DNS:b.test', key: 'rsa' }).files]
  const backend = (server: Server): object => ({
    backends: [`127.0.0.1:${(server.address() as AddressInfo).port}`]
  })
  // Short deadlines, so that who stalls makes room.
  const common = { tls: { certificates }, timeouts: { handshake: '1s' } }
  return {
    workers: 2,
    admin: { bind: '127.0.0.1:0' },
    plugins: [join(import.meta.dirname, 'collector.ts')],
    listeners: [
      {
        ...{ name: 'http', bind: '127.0.0.1:0', mode: 'l7', ...common },
        routes: [{ pool: 'web', plugins: { collector: {} } }]
      },
      { name: 'tcp', bind: '127.0.0.1:0', mode: 'l4', pool: 'echo', ...common }
    ],
    pools: { web: backend(origin), echo: backend(echo) }
  }
}
