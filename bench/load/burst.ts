/**
 * Many requests for one path at the same moment, each on its own connection: opens all connections first, then sends.
 * `node bench/load/burst.ts '{"port":…,"connections":…,"path":…,"expect":…}'`
 */
import { connect, type Socket } from 'node:net'
import { summarizeLatency } from '../stats/percentile.ts'
import { printResult } from './load-result.ts'
import { requestText } from './request-text.ts'
import { ResponseCounter } from './response-counter.ts'

interface Burst {
  readonly port: number
  readonly connections: number
  readonly path: string
}

const { port, connections, path } = JSON.parse(process.argv[2]!) as Burst
const deadlineMs = 20_000

function open(): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1' }, () => resolve(socket))
    socket.on('error', reject)
  })
}

const sockets: Socket[] = []
while (sockets.length < connections) {
  const group = Math.min(200, connections - sockets.length)
  sockets.push(...(await Promise.all(Array.from({ length: group }, open))))
}

const latencies: number[] = []
let bytes = 0
let errors = 0
const startedAt = performance.now()
await Promise.all(
  sockets.map(
    (socket) =>
      new Promise<void>((resolve) => {
        const counter = new ResponseCounter()
        const fail = (): void => {
          errors++
          resolve()
        }
        socket.setTimeout(deadlineMs, () => socket.destroy())
        socket.on('close', fail)
        socket.on('data', (chunk) => {
          bytes += chunk.length
          if (counter.push(chunk) === 0) return
          socket.off('close', fail)
          if (counter.status === 200) latencies.push(performance.now() - startedAt)
          else errors++
          resolve()
        })
        socket.write(requestText(`127.0.0.1:${port}`, path))
      })
  )
)
const seconds = (performance.now() - startedAt) / 1000
printResult({ completed: latencies.length, errors, seconds, bytes, latency: summarizeLatency(latencies) })
process.exit()
