/**
 * Latency at a fixed rate, without coordinated omission: requests are due by the clock whatever the answers do, and
 * latency counts from the moment a request was due. One that finds every connection busy waits, and its wait counts.
 * `node bench/load/open-loop.ts '{"port":…,"ratePerSecond":…,"connections":…,"seconds":…}'`
 */
import { connect, type Socket } from 'node:net'
import { summarizeLatency } from '../stats/percentile.ts'
import { printResult } from './load-result.ts'
import { requestText } from './request-text.ts'
import { ResponseCounter } from './response-counter.ts'

interface OpenLoop {
  readonly port: number
  readonly ratePerSecond: number
  readonly connections: number
  readonly seconds: number
}

const { port, ratePerSecond, connections, seconds } = JSON.parse(process.argv[2]!) as OpenLoop
const request = requestText(`127.0.0.1:${port}`)
const idle: Connection[] = []
const due: number[] = []
const latencies: number[] = []
let errors = 0
let bytes = 0
let ended = false

class Connection {
  readonly socket: Socket
  #counter = new ResponseCounter()
  #dueAt = 0

  constructor() {
    this.socket = connect({ port, host: '127.0.0.1', noDelay: true })
    this.socket.on('connect', () => idle.push(this))
    this.socket.on('data', (chunk) => this.#read(chunk))
    this.socket.on('error', () => this.socket.destroy())
    this.socket.on('close', () => {
      if (ended) return
      if (this.#dueAt > 0) errors++
      const at = idle.indexOf(this)
      if (at >= 0) idle.splice(at, 1)
      setTimeout(() => new Connection(), 100)
    })
  }

  send(dueAt: number): void {
    this.#dueAt = dueAt
    this.socket.write(request)
  }

  #read(chunk: Buffer): void {
    bytes += chunk.length
    if (this.#counter.push(chunk) === 0) return
    if (this.#counter.status === 200) latencies.push(performance.now() - this.#dueAt)
    else errors++
    this.#dueAt = 0
    const next = due.shift()
    if (next === undefined) idle.push(this)
    else this.send(next)
  }
}

for (let index = 0; index < connections; index++) new Connection()
setTimeout(begin, 300)

/** Timers of Node.js fire by the millisecond, so requests are due in small groups on a grid of one millisecond. */
function begin(): void {
  const start = performance.now()
  const end = start + seconds * 1000
  let sent = 0
  let tick = 0
  const step = (): void => {
    const now = performance.now()
    for (; start + tick <= now && start + tick < end; tick++) {
      const upTo = Math.floor(((tick + 1) * ratePerSecond) / 1000)
      for (; sent < upTo; sent++) {
        const connection = idle.pop()
        if (connection === undefined) due.push(start + tick)
        else connection.send(start + tick)
      }
    }
    if (start + tick < end) setTimeout(step, 1)
    else setTimeout(() => finish(start, sent), 1000)
  }
  step()
}

function finish(start: number, sent: number): void {
  ended = true
  const unanswered = sent - latencies.length - errors
  const elapsed = (performance.now() - start - 1000) / 1000
  printResult({
    completed: latencies.length,
    errors: errors + unanswered,
    seconds: elapsed,
    bytes,
    latency: summarizeLatency(latencies)
  })
  process.exit()
}
