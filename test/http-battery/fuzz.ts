// Mutated bytes at a listener and from an upstream, for a time and from a seed: nothing may crash, hang past its
// timeout or stay behind, and a request beside them must always get its own answer.
//   node test/http-battery/fuzz.ts [seconds] [seed]
import { request } from 'node:http'
import { pathToFileURL } from 'node:url'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { memoryLogger } from '../fakes/memory-logger.ts'
import { start } from '../../src/runtime/control/start.ts'
import { configOf } from '../runtime/configs.ts'
import { requestCases } from './battery.ts'
import { responseCases } from './cases/responses.ts'
import { ChaosOrigin, fuzzConnection, type End } from './fuzz-peers.ts'
import { generateRequest, generateResponse } from './generate.ts'
import { mutate } from './mutate.ts'
import { LagWatch } from './lag-watch.ts'
import { RawOrigin } from './raw-origin.ts'
import { Seeded } from './seeded.ts'

export interface FuzzReport {
  readonly seed: number
  readonly connections: number
  readonly ends: Readonly<Record<End, number>>
  /** Canary requests that got a 200 with their own id. */
  readonly canaries: number
  readonly problems: readonly string[]
  /** Hangs and lost canaries while the machine did not let the process run. */
  readonly excused: number
  /** Longest that the event loop stood still. */
  readonly worstLagMs: number
  /** Sockets open in the process at the end beyond those at the start, and bytes of heap beyond. */
  readonly socketsLeft: number
  readonly heapGrowth: number
}

/** Whether node was started with --expose-gc or not: without it what has died would count as growth. */
function collectGarbage(): void {
  setFlagsFromString('--expose-gc')
  ;(runInNewContext('gc') as () => void)()
}

/** At once, on each of the two sides. */
const CONCURRENCY = 32
/** Every timeout of the configuration below is 400 ms; twice that, a sweep and a slow machine. */
const PATIENCE_MS = 4000

export async function fuzz(seconds: number, seed: number): Promise<FuzzReport> {
  const random = new Seeded(seed)
  const problems: string[] = []
  const ends: Record<End, number> = { closed: 0, reset: 0, left: 0, hung: 0 }
  const onCrash = (error: unknown): void =>
    void problems.push(`crash: ${error instanceof Error ? error.stack : String(error)}`)
  process.on('uncaughtException', onCrash)
  process.on('unhandledRejection', onCrash)

  let lastResponse: Buffer = Buffer.alloc(0)
  const chaos = new ChaosOrigin(() => (lastResponse = anyResponse(random)), random)
  const plain = new RawOrigin()
  const echo = new RawOrigin()
  echo.answer = ({ line }) => {
    const id = line.split(' ')[1]!
    return { bytes: `HTTP/1.1 200 OK\r\nContent-Length: ${id.length}\r\n\r\n${id}` }
  }
  const log = memoryLogger('error')
  const lb = await start(config(await chaos.listen(), await plain.listen(), await echo.listen()), {
    log: Object.assign(log, { flush: () => Promise.resolve() })
  })
  const port = (name: string): number => lb.addresses.find(({ listener }) => listener === name)!.port!

  const socketsBefore = openSockets()
  collectGarbage()
  const heapBefore = process.memoryUsage().heapUsed
  const end = Date.now() + seconds * 1000
  const lag = new LagWatch(200)
  let excused = 0
  // About time only: a machine that does not let us run makes any timeout pass.
  const late = (what: string): void => {
    if (lag.stoodStill(PATIENCE_MS + 1000)) excused++
    else problems.push(what)
  }
  let connections = 0
  let canaries = 0

  const run = async (name: 'down' | 'up'): Promise<void> => {
    while (Date.now() < end && problems.length < 10) {
      connections++
      const bytes = name === 'down' ? anyRequest(random) : Buffer.from('GET /x HTTP/1.1\r\nHost: a\r\n\r\n')
      const how = await fuzzConnection(port(name), bytes, random, PATIENCE_MS)
      ends[how]++
      if (how === 'hung')
        late(
          `${name} hung: ${JSON.stringify((name === 'down' ? bytes : lastResponse).toString('latin1').slice(0, 2000))}`
        )
      if (plain.requests.length > 1000) plain.requests.length = 0
      if (plain.broken.length > 0) problems.push(`an origin was sent nonsense: ${plain.broken.shift()}`)
    }
  }
  const watch = async (): Promise<void> => {
    while (Date.now() < end) {
      const id = `/canary-${canaries}`
      const answer = await canary(port('canary'), id)
      if (answer === `200 ${id}`) canaries++
      else if (answer.startsWith('200 ')) problems.push(`canary ${id} got the answer of another: ${answer}`)
      else late(`canary ${id} got ${answer}`)
      echo.requests.length = 0
      // A line for each answer that broke: kept, they would pass for a leak.
      log.lines.length = 0
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
  const all = Array.from({ length: CONCURRENCY }, () => [run('down'), run('up')]).flat()
  await Promise.all([...all, watch()])

  // Idle connections to backends close with their keep-alive; then nothing is left.
  await new Promise((resolve) => setTimeout(resolve, 1500))
  const socketsLeft = openSockets() - socketsBefore
  collectGarbage()
  const heapGrowth = process.memoryUsage().heapUsed - heapBefore
  await lb.stop()
  await Promise.all([chaos.close(), plain.close(), echo.close()])
  lag.stop()
  process.off('uncaughtException', onCrash)
  process.off('unhandledRejection', onCrash)
  return {
    seed,
    connections,
    ends,
    canaries,
    problems,
    excused,
    worstLagMs: lag.worstMs,
    socketsLeft,
    heapGrowth
  }
}

function anyRequest(random: Seeded): Buffer {
  if (random.chance(0.6)) return generateRequest(random.below(1 << 30))
  const bytes = Buffer.from(random.of(requestCases).bytes.slice(0, 20_000), 'latin1')
  return random.chance(0.7) ? mutate(bytes, random) : bytes
}

function anyResponse(random: Seeded): Buffer {
  if (random.chance(0.6)) return generateResponse(random.below(1 << 30))
  const bytes = Buffer.from(random.of(responseCases).bytes.slice(0, 20_000), 'latin1')
  return random.chance(0.7) ? mutate(bytes, random) : bytes
}

function config(chaos: number, plain: number, echo: number): ReturnType<typeof configOf> {
  const short = '400ms'
  const listener = (name: string): object => ({
    name,
    bind: '127.0.0.1:0',
    mode: 'l7',
    pool: name,
    accessLog: false,
    timeouts: { requestHeaders: short, idle: short, keepAlive: short, tunnel: short }
  })
  const pool = (port: number): object => ({
    backends: [`127.0.0.1:${port}`],
    breaker: false,
    timeouts: { connect: short, response: short, idle: short, keepAlive: short }
  })
  return configOf({
    workers: 0,
    listeners: [listener('down'), listener('up'), listener('canary')],
    pools: { down: pool(plain), up: pool(chaos), canary: pool(echo) }
  })
}

async function canary(port: number, path: string): Promise<string> {
  return await new Promise((resolve) => {
    const sent = request(
      { port, host: '127.0.0.1', path, agent: false, timeout: PATIENCE_MS },
      (response) => {
        let body = ''
        response.setEncoding('latin1')
        response.on('data', (piece: string) => (body += piece))
        response.on('end', () => resolve(`${response.statusCode} ${body}`))
        response.on('error', (error) => resolve(String(error)))
      }
    )
    sent.on('timeout', () => sent.destroy(new Error('timeout')))
    sent.on('error', (error) => resolve(String(error)))
    sent.end()
  })
}

function openSockets(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const report = await fuzz(Number(process.argv[2] ?? 600), Number(process.argv[3] ?? 1))
  console.log(JSON.stringify(report, null, 2))
  process.exit(report.problems.length === 0 && report.socketsLeft <= 0 ? 0 : 1)
}
