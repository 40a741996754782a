/**
 * WebSocket echo in a closed loop: each connection sends a 64-byte message when the last has come back, and compares.
 * `node bench/load/websocket.ts '{"port":…,"connections":…,"seconds":…}'`
 */
import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import { summarizeLatency } from '../stats/percentile.ts'
import { printResult } from './load-result.ts'

interface WebSocketLoad {
  readonly port: number
  readonly connections: number
  readonly seconds: number
}

const { port, connections, seconds } = JSON.parse(process.argv[2]!) as WebSocketLoad
const payload = randomBytes(64)
const mask = randomBytes(4)
const frame = Buffer.concat([
  Buffer.from([0x82, 0x80 | payload.length]),
  mask,
  payload.map((byte, at) => byte ^ mask[at & 3]!)
])
const answer = Buffer.concat([Buffer.from([0x82, payload.length]), payload])
const latencies: number[] = []
let completed = 0
let errors = 0
let ended = false
let startedAt = 0
let problem = 'closed'

function open(onOpen: () => void): void {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  let got: Buffer = Buffer.alloc(0)
  let upgraded = false
  let sentAt = 0
  const send = (): void => {
    sentAt = performance.now()
    socket.write(frame)
  }
  socket.write(
    `GET /echo HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n\r\n`
  )
  socket.on('data', (chunk) => {
    got = got.length === 0 ? chunk : Buffer.concat([got, chunk])
    if (!upgraded) {
      const end = got.indexOf('\r\n\r\n')
      if (end < 0) return
      if (!got.subarray(0, end).toString('latin1').startsWith('HTTP/1.1 101 ')) {
        problem = `no upgrade: ${got.subarray(0, 500).toString('latin1')}`
        return socket.destroy()
      }
      upgraded = true
      got = got.subarray(end + 4)
      onOpen()
      return send()
    }
    if (got.length < answer.length) return
    // Every connection lives as long as the load, so warm-up answers are told apart by time.
    if (startedAt > 0 && sentAt >= startedAt && !ended) {
      completed++
      latencies.push(performance.now() - sentAt)
    }
    if (!got.equals(answer)) errors++
    got = Buffer.alloc(0)
    if (!ended) send()
  })
  socket.on('error', (error) => {
    problem = error.message
    socket.destroy()
  })
  socket.on('close', () => {
    if (ended) return
    errors++
    if (!upgraded) onOpen()
  })
}

let opened = 0
for (let index = 0; index < connections; index++) {
  open(() => {
    if (++opened === connections) begin()
  })
}

function begin(): void {
  startedAt = performance.now()
  setTimeout(() => {
    ended = true
    if (completed === 0 && errors > 0) {
      console.error(problem)
      process.exit(1)
    }
    const bytes = completed * answer.length
    printResult({ completed, errors, seconds, bytes, latency: summarizeLatency(latencies) })
    process.exit()
  }, seconds * 1000)
}
