/**
 * Opens connections, sends one request on each, reads the answer, and then leaves them open and idle until it is
 * stopped. Prints its result when all stand. `node bench/load/idle.ts '{"port":…,"connections":…}'`
 */
import { connect } from 'node:net'
import { printResult } from './load-result.ts'
import { requestText } from './request-text.ts'
import { ResponseCounter } from './response-counter.ts'

interface IdleLoad {
  readonly port: number
  readonly connections: number
}

const { port, connections } = JSON.parse(process.argv[2]!) as IdleLoad
const request = requestText(`127.0.0.1:${port}`)
const startedAt = performance.now()
let answered = 0
let errors = 0

function open(): Promise<void> {
  return new Promise((resolve) => {
    const counter = new ResponseCounter()
    const socket = connect({ port, host: '127.0.0.1' }, () => socket.write(request))
    socket.on('data', (chunk) => {
      if (counter.push(chunk) === 0) return
      if (counter.status === 200) answered++
      else errors++
      resolve()
    })
    socket.on('error', () => socket.destroy())
    socket.on('close', () => {
      errors++
      resolve()
    })
  })
}

// A hundred at a time: the backlog of no proxy overflows, and what is measured is holding, not accepting.
for (let opened = 0; opened < connections; opened += 100) {
  await Promise.all(Array.from({ length: Math.min(100, connections - opened) }, open))
}
const seconds = (performance.now() - startedAt) / 1000
printResult({ completed: answered, errors, seconds, bytes: 0 })
setInterval(() => {}, 60_000)
