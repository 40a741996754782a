/**
 * `node bench/rate-limits.ts [--seconds 10] [--keys 10000000]`: rate limits under real traffic, two workers, as an operator would
 * see them. What passes of an overload, by algorithm; whether a client that is limited stays so while others come by the
 * million, and what they take of memory. Ends with 1 where something is not as promised.
 */
import { connect, type Socket } from 'node:net'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { freePort } from '../test/free-port.ts'
import { listening, Processes, type Running } from './harness/processes.ts'
import { memory } from './harness/usage.ts'
import { textTable } from './report/text-table.ts'
import { nodeBinary } from './targets/lb.ts'

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '10' }, keys: { type: 'string', default: '10000000' } }
})
const seconds = Number(values.seconds)
const manyKeys = Number(values.keys)

const CONNECTIONS = 16
const BATCH = 250
const MAX_KEYS = 65_536
const ENTRY_BYTES = 21

const root = join(import.meta.dirname, '..')
const processes = new Processes()
const folder = mkdtempSync(join(tmpdir(), 'lb-rate-limits-'))
process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
let failed = false

/** lb with one listener that answers by itself, behind this limit. */
async function start(rateLimit: object): Promise<{ port: number; lb: Running }> {
  const port = await freePort()
  const file = join(folder, `${port}.yaml`)
  const routes = [{ match: {}, respond: { status: 200 } }]
  const listeners = [{ bind: `127.0.0.1:${port}`, mode: 'l7', rateLimit, routes }]
  writeFileSync(file, JSON.stringify({ workers: 2, log: { level: 'warn' }, listeners }))
  const args = [join(root, 'bin', 'lb.js'), '--config', file]
  const lb = processes.start({ name: 'lb', command: nodeBinary(root), args })
  await listening(lb, port)
  return { port, lb }
}

/** A connection that sends a text with so many requests, and resolves with how many of them passed. */
class Client {
  readonly #socket: Socket
  #tail = ''
  #answers = 0
  #passed = 0
  #wanted = 0
  #done: (passed: number) => void = () => {}

  constructor(port: number) {
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true })
    this.#socket.setEncoding('latin1').on('data', (text: string) => this.#read(this.#tail + text))
    this.#socket.on('error', (error) => {
      console.error(`a connection failed: ${error.message}`)
      process.exit(1)
    })
  }

  async send(requests: string, count: number): Promise<number> {
    this.#answers = this.#passed = 0
    this.#wanted = count
    const answered = new Promise<number>((resolve) => (this.#done = resolve))
    this.#socket.write(requests)
    return answered
  }

  close(): void {
    this.#socket.destroy()
  }

  #read(text: string): void {
    let at = 0
    for (let next = text.indexOf('HTTP/1.1 '); next !== -1 && next + 12 <= text.length;) {
      this.#answers++
      if (text.startsWith('200', next + 9)) this.#passed++
      at = next + 12
      next = text.indexOf('HTTP/1.1 ', at)
    }
    this.#tail = text.slice(Math.max(at, text.length - 11))
    if (this.#answers >= this.#wanted) this.#done(this.#passed)
  }
}

function requestOf(key: string): string {
  return `GET / HTTP/1.1\r\nHost: a\r\nX-Key: ${key}\r\n\r\n`
}

function check(holds: boolean): string {
  if (!holds) failed = true
  return holds ? 'yes' : 'NO'
}

/** As many requests as there is time for; what passed, of how many, and in what time. */
async function overload(port: number): Promise<{ passed: number; sent: number; took: number }> {
  const clients = Array.from({ length: CONNECTIONS }, () => new Client(port))
  const requests = requestOf('a').repeat(8)
  const begin = performance.now()
  let passed = 0
  let sent = 0
  let last = begin
  await Promise.all(
    clients.map(async (client) => {
      while (performance.now() - begin < seconds * 1000) {
        const through = await client.send(requests, 8)
        passed += through
        sent += 8
        last = performance.now()
      }
    })
  )
  for (const client of clients) client.close()
  return { passed, sent, took: (last - begin) / 1000 }
}

async function overloads(): Promise<void> {
  const rows: string[][] = []
  for (const [algorithm, burst] of [
    ['token-bucket', 50],
    ['sliding-window', 0],
    ['fixed-window', 0]
  ] as const) {
    const limit = { algorithm, requests: 1000, per: '1s', key: 'all', ...(burst > 0 && { burst }) }
    const { port, lb } = await start(limit)
    const { passed, sent, took } = await overload(port)
    await lb.stop()
    const expected = algorithm === 'fixed-window' ? Math.ceil(took) * 1000 : burst + 1000 * took
    const off = passed / expected - 1
    rows.push([
      algorithm,
      String(sent),
      took.toFixed(3),
      String(passed),
      expected.toFixed(0),
      `${(off * 100).toFixed(2)} %`,
      check(Math.abs(off) <= 0.01)
    ])
  }
  const head = ['1,000/s, two workers', 'sent', 'seconds', 'passed', 'expected', 'off by', 'within 1 %']
  console.log(textTable([head, ...rows]))
}

/** Keys come once each; one that has used up its requests asks again between them. */
async function flood(): Promise<void> {
  const limit = { requests: 5, per: '1h', key: 'header:x-key', maxKeys: MAX_KEYS, fields: false }
  const { port, lb } = await start(limit)
  const victim = new Client(port)
  const clients = [new Client(port), new Client(port), new Client(port), new Client(port)]
  const batch = async (client: Client, from: number): Promise<number> => {
    let text = ''
    for (let key = from; key < from + BATCH; key++) text += requestOf(`k${key.toString(36)}`)
    return client.send(text, BATCH)
  }
  // Code is compiled and buffers are made before memory is looked at.
  for (let i = 0; i < 200; i++) await batch(clients[i % 4]!, -1e9 - i * BATCH)
  const used = await victim.send(requestOf('victim').repeat(20), 20)
  const before = memory(lb.pid).pssBytes ?? 0
  let most = before
  let passedAgain = 0
  let passed = 0
  let next = 0
  const began = performance.now()
  await Promise.all(
    clients.map(async (client, index) => {
      for (let batches = 0; next < manyKeys; batches++) {
        const from = next
        next += BATCH
        const through = await batch(client, from)
        passed += through
        if (index > 0 || batches % 100 !== 0) continue
        const again = await victim.send(requestOf('victim'), 1)
        passedAgain += again
        most = Math.max(most, memory(lb.pid).pssBytes ?? 0)
      }
    })
  )
  const again = await victim.send(requestOf('victim').repeat(5), 5)
  passedAgain += again
  const took = (performance.now() - began) / 1000
  const grown = Math.max(0, most - before)
  await lb.stop()
  for (const client of [victim, ...clients]) client.close()
  const megabytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MB`
  console.log(
    `\n${next} keys in ${took.toFixed(0)} s, ${MAX_KEYS} remembered (${megabytes(MAX_KEYS * ENTRY_BYTES)})`
  )
  console.log(
    `  of 20 of the limited client passed ${used}, then ${passedAgain}: limited: ${check(used === 5 && passedAgain === 0)}`
  )
  console.log(`  of the others ${passed} passed: nobody refused for others: ${check(passed === next)}`)
  console.log(
    `  memory of the process ${megabytes(before)}, at most ${megabytes(most)}: bounded: ${check(grown < 64 * 2 ** 20)}`
  )
}

try {
  await overloads()
  await flood()
} finally {
  await processes.stopAll()
}
process.exit(failed ? 1 : 0)
