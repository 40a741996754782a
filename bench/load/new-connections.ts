/**
 * A new connection for every request, in a closed loop: what wrk does with `Connection: close`, for where wrk is missing.
 * `node bench/load/new-connections.ts '{"url":…,"connections":…,"seconds":…}'`
 */
import { connect } from 'node:net'
import { summarizeLatency } from '../stats/percentile.ts'
import type { HttpLoad } from './http-load.ts'
import { printResult } from './load-result.ts'
import { requestText } from './request-text.ts'
import { ResponseCounter } from './response-counter.ts'

const { url, connections, seconds } = JSON.parse(process.argv[2]!) as HttpLoad
const { hostname, port, host, pathname } = new URL(url)
const request = requestText(host, pathname).replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n')
const latencies: number[] = []
let errors = 0
let bytes = 0
const end = performance.now() + seconds * 1000

function once(): Promise<void> {
  return new Promise((resolve) => {
    const startedAt = performance.now()
    const counter = new ResponseCounter()
    let answered = false
    const socket = connect({ host: hostname, port: Number(port) }, () => socket.write(request))
    socket.setTimeout(10_000, () => socket.destroy())
    socket.on('error', () => socket.destroy())
    socket.on('data', (chunk) => {
      bytes += chunk.length
      if (counter.push(chunk) === 0) return
      answered = counter.status === 200
      socket.end()
    })
    socket.on('close', () => {
      if (answered) latencies.push(performance.now() - startedAt)
      else errors++
      resolve()
    })
  })
}

await Promise.all(
  Array.from({ length: connections }, async () => {
    while (performance.now() < end) await once()
  })
)
printResult({ completed: latencies.length, errors, seconds, bytes, latency: summarizeLatency(latencies) })
process.exit()
