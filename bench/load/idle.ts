/**
 * Opens connections, sends one request on each, reads the answer, and then leaves them open and idle until it is
 * stopped. Prints its result when all stand. `node bench/load/idle.ts '{"port":…,"connections":…,"tls":true,"h2":true}'`
 */
import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { printResult } from './load-result.ts'
import { requestText } from './request-text.ts'
import { ResponseCounter } from './response-counter.ts'

interface IdleLoad {
  readonly port: number
  readonly connections: number
  readonly tls: boolean
  readonly h2: boolean
}

const { port, connections, tls, h2 } = JSON.parse(process.argv[2]!) as IdleLoad
const request = h2 ? http2Request() : requestText(`127.0.0.1:${port}`)
/** Waits for the end of stream 1; `push` gives the answers that are complete. */
class Http2Answer {
  status = 0
  #bytes = Buffer.alloc(0)

  push(chunk: Buffer): number {
    this.#bytes = Buffer.concat([this.#bytes, chunk])
    while (this.#bytes.length >= 9) {
      const size = this.#bytes.readUIntBE(0, 3)
      if (this.#bytes.length < 9 + size) return 0
      const [type, flags] = [this.#bytes[3]!, this.#bytes[4]!]
      // HEADERS that begin with the static table's ":status 200".
      if (type === 1 && this.#bytes[9] === 0x88) this.status = 200
      this.#bytes = this.#bytes.subarray(9 + size)
      if (type <= 1 && (flags & 1) !== 0) return 1
    }
    return 0
  }
}

const startedAt = performance.now()
let answered = 0
let errors = 0

function open(): Promise<void> {
  return new Promise((resolve) => {
    const counter = h2 ? new Http2Answer() : new ResponseCounter()
    const socket: Socket = tls
      ? connectTls(
          { port, host: '127.0.0.1', rejectUnauthorized: false, ALPNProtocols: [h2 ? 'h2' : 'http/1.1'] },
          () => socket.write(request)
        )
      : connect({ port, host: '127.0.0.1' }, () => socket.write(request))
    socket.on('data', (chunk: Buffer) => {
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

/** Preface, SETTINGS, its acknowledgement of the server's, and a GET of / on stream 1. */
function http2Request(): Buffer {
  const authority = `127.0.0.1:${port}`
  // RFC 7541 appendix A: :method GET, :path /, :scheme, and :authority as a literal.
  const block = Buffer.concat([
    Buffer.from([0x82, 0x84, tls ? 0x87 : 0x86, 0x01, authority.length]),
    Buffer.from(authority)
  ])
  const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
  const headers = [0, 0, block.length, 1, 0x5, 0, 0, 0, 1]
  return Buffer.concat([
    preface,
    Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0, ...headers]),
    block
  ])
}

// A hundred at a time: the backlog of no proxy overflows, and what is measured is holding, not accepting.
for (let opened = 0; opened < connections; opened += 100) {
  await Promise.all(Array.from({ length: Math.min(100, connections - opened) }, open))
}
const seconds = (performance.now() - startedAt) / 1000
printResult({ completed: answered, errors, seconds, bytes: 0 })
setInterval(() => {}, 60_000)
