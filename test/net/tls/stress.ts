/**
 * Drives TLS on OpenSSL's handle as badly as clients and owners can, while the garbage collector runs all the time: clients
 * that stall, half-close and reset in every phase, owners that destroy, reset, pause and write from inside callbacks. It
 * ends with what is left over; an abort ends the process. Run with --expose-gc; connections as the first argument.
 */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect as connectTcp, type AddressInfo, type Socket } from 'node:net'
import { connect, type TLSSocket } from 'node:tls'
import { systemClock } from '../../../src/core/clock.ts'
import { Deadlines } from '../../../src/core/deadlines.ts'
import { Metrics } from '../../../src/core/metrics/metrics.ts'
import { seededRandom } from '../../../src/core/random.ts'
import { TicketKeys } from '../../../src/net/tls/ticket-keys.ts'
import { TlsServer } from '../../../src/net/tls/tls-server.ts'
import { tlsThread } from '../../../src/net/tls/tls-thread.ts'
import { listen } from '../../../src/net/transport/accept.ts'
import type { Transport, TransportOwner } from '../../../src/net/transport/transport.ts'
import { testCertificates } from '../certificates.ts'
import { resetSocket } from '../../reset-socket.ts'

const total = Number(process.argv[2] ?? 400)
const seed = Number(process.argv[3] ?? 1)
const random = seededRandom(seed)
const pick = (n: number): number => Math.floor(random() * n)
const { gc } = globalThis as { gc?: () => void }
if (gc === undefined) throw new Error('run with --expose-gc')
const collecting = setInterval(gc, 25)

const pki = testCertificates()
const deadlines = new Deadlines(systemClock, 20)
const tls = new TlsServer(
  {
    certificates: [pki.leaf('a.test'), pki.leaf('b.test')],
    minVersion: 'TLSv1.2',
    clientAuth: { ca: pki.ca, required: false }
  },
  { name: 'stress', handshakeTimeoutMs: 2_000, alpn: ['http/1.1'] },
  tlsThread(deadlines, new Metrics(), TicketKeys.create(false))
)
const mine = pki.leaf('client')
const block = randomBytes(200_000)
let open = 0
let closed = 0
let secured = 0
const failed: Record<string, number> = {}
let bytes = 0

/** Echoes, or misbehaves at a random moment. */
class Owner implements TransportOwner {
  readonly #transport: Transport
  readonly #bad = pick(10)

  constructor(transport: Transport) {
    this.#transport = transport
    transport.owner = this
    open++
    if (this.#bad === 0) transport.destroy()
    if (this.#bad === 1) transport.reset()
    if (this.#bad === 2) transport.end()
    if (this.#bad === 3) transport.sendOwned(block)
  }

  onData(buffer: Buffer, start: number, end: number): void {
    const transport = this.#transport
    bytes += end - start
    switch (this.#bad) {
      case 4:
        transport.sendText('x'.repeat(50_000))
        return transport.destroy()
      case 5:
        transport.sendOwned(block)
        return transport.reset()
      case 6:
        transport.pause()
        setTimeout(() => transport.resume(), pick(10))
        break
      case 7:
        transport.sendText('bye')
        return transport.end()
    }
    if (!transport.sendTextAndBytes('', buffer, start, end)) transport.pause()
  }

  onEnd(): void {
    this.#transport.end()
  }

  onDrain(): void {
    this.#transport.resume()
  }

  onClose(): void {
    open--
    closed++
  }
}

const server = await listen(
  { port: 0, host: '127.0.0.1' },
  (attach) => {
    const transport = attach({ onData() {}, onEnd() {}, onDrain() {}, onClose() {} }, true)
    const handshake = tls.secure(transport, undefined, (under, why) => {
      if (under === undefined) failed[why!.reason] = (failed[why!.reason] ?? 0) + 1
      else {
        secured++
        new Owner(under)
      }
    })
    if (pick(30) === 0) setTimeout(() => handshake.cancel(), pick(5))
  },
  (error) => console.error(error)
)
const { port } = server.address() as AddressInfo

function raw(): Socket {
  const socket = connectTcp({ port, host: '127.0.0.1', allowHalfOpen: true })
  socket.on('error', () => {})
  return socket
}

function client(under?: Socket): TLSSocket {
  const version = pick(2) === 0 ? ('TLSv1.2' as const) : ('TLSv1.3' as const)
  const socket = connect({
    ...(under === undefined ? { port, host: '127.0.0.1' } : { socket: under }),
    ...{ servername: pick(2) === 0 ? 'a.test' : 'b.test' },
    ...(pick(4) === 0 ? { cert: mine.cert, key: mine.key } : {}),
    ...{ rejectUnauthorized: false, minVersion: version, maxVersion: version }
  })
  socket.on('error', () => {})
  socket.resume()
  return socket
}

/** Lives for some ms, and ends in one of many ways. */
async function live(): Promise<void> {
  const way = pick(12)
  if (way < 3) {
    const socket = raw().resume()
    if (way === 1) socket.write(randomBytes(1 + pick(600)))
    if (way === 2)
      socket.write(Buffer.concat([Buffer.from([22, 3, 1, 2, 0, 1, 0, 1, 252]), randomBytes(pick(600))]))
    await new Promise((resolve) => setTimeout(resolve, pick(60)))
    if (pick(2) === 0) resetSocket(socket)
    else socket.destroy()
    return
  }
  const under = way === 4 ? raw() : undefined
  const socket = client(under)
  const gone = new Promise((resolve) => socket.once('close', resolve))
  // Reset in whatever phase of the handshake it is by then.
  if (way === 3) setTimeout(() => socket.destroy(), pick(60))
  if (way === 4) setTimeout(() => resetSocket(under!), pick(60))
  if (way === 5) socket.pause()
  socket.write(block.subarray(0, 1 + pick(way === 6 ? 200_000 : 2_000)))
  if (way === 7) socket.end()
  if (way === 8) for (let i = 0; i < 20; i++) socket.write(block.subarray(0, 1 + pick(20_000)))
  if (way === 9) socket.once('secureConnect', () => socket.renegotiate({}, () => {}))
  if (way > 4) await Promise.race([gone, once(socket, 'secureConnect').catch(() => {})])
  await Promise.race([gone, new Promise((resolve) => setTimeout(resolve, pick(40)))])
  if (way === 10) socket.end(block)
  if (way === 11) setTimeout(() => socket.destroy(), 100)
  else socket.destroy()
}

let begun = 0
await Promise.all(
  Array.from({ length: 24 }, async () => {
    while (begun++ < total) await live()
  })
)
const deadline = Date.now() + 5_000
while ((open > 0 || deadlines.size > 0) && Date.now() < deadline) {
  await new Promise((resolve) => setTimeout(resolve, 20))
}
clearInterval(collecting)
server.close()
console.log(JSON.stringify({ open, waiting: deadlines.size, secured, failed, closed, bytes: bytes > 0 }))
