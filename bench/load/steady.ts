/**
 * A steady closed loop over keep-alive connections that writes down when something went wrong, for scenarios in which
 * something is made to go wrong. `node bench/load/steady.ts '{"port":…,"connections":…,"seconds":…}'`
 * In the result's `extra`: epoch milliseconds of the first and last error, and the longest time without any answer.
 */
import { connect } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { summarizeLatency } from '../stats/percentile.ts'
import { printResult } from './load-result.ts'
import { requestText } from './request-text.ts'
import { ResponseCounter } from './response-counter.ts'

interface Steady {
  readonly port: number
  readonly connections: number
  readonly seconds: number
}

const { port, connections, seconds } = JSON.parse(process.argv[2]!) as Steady
const request = requestText(`127.0.0.1:${port}`)
const latencies: number[] = []
const errorTimes: number[] = []
let bytes = 0
let lastAnswer = performance.now()
let longestGap = 0
const end = performance.now() + seconds * 1000

/** One connection's life: requests one after another until it breaks. */
function live(): Promise<void> {
  return new Promise((resolve) => {
    const counter = new ResponseCounter()
    let connected = false
    let sentAt = 0
    const socket = connect({ port, host: '127.0.0.1', noDelay: true }, send)
    function send(): void {
      connected = true
      if (performance.now() >= end) return void socket.destroy()
      sentAt = performance.now()
      socket.write(request)
    }
    socket.setTimeout(5000, () => socket.destroy())
    socket.on('error', () => socket.destroy())
    socket.on('data', (chunk) => {
      bytes += chunk.length
      if (counter.push(chunk) === 0) return
      const now = performance.now()
      if (counter.status === 200) {
        latencies.push(now - sentAt)
        longestGap = Math.max(longestGap, now - lastAnswer)
        lastAnswer = now
      } else errorTimes.push(Date.now())
      sentAt = 0
      // Paced at some 100 requests a second per connection: the question is what fails, not how fast it goes.
      if (counter.closing) socket.destroy()
      else setTimeout(send, 10)
    })
    socket.on('close', () => {
      if (sentAt > 0 || !connected) errorTimes.push(Date.now())
      resolve()
    })
  })
}

await Promise.all(
  Array.from({ length: connections }, async () => {
    while (performance.now() < end) {
      await live()
      await wait(5)
    }
  })
)
printResult({
  completed: latencies.length,
  errors: errorTimes.length,
  seconds,
  bytes,
  latency: summarizeLatency(latencies),
  extra: {
    firstErrorAt: errorTimes.length === 0 ? 0 : Math.min(...errorTimes),
    lastErrorAt: errorTimes.length === 0 ? 0 : Math.max(...errorTimes),
    longestGapMs: longestGap
  }
})
process.exit()
