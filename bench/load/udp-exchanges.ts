/**
 * Datagrams in a closed loop: each socket sends one, and the next when the answer has come; `renewed`: from a new socket
 * each time, as resolvers ask. `node bench/load/udp-exchanges.ts '{"port":…,"sockets":…,"seconds":…,"renewed":false}'`
 */
import { receiveFor, sendConnected, udpInternals, type UdpHandle } from '../../src/net/datagram/udp-handle.ts'
import { printResult } from './load-result.ts'

export interface UdpLoad {
  readonly port: number
  readonly sockets: number
  readonly seconds: number
  readonly renewed: boolean
}

const LOST_MS = 1000
const { port, sockets, seconds, renewed } = JSON.parse(process.argv[2]!) as UdpLoad
const question = Buffer.alloc(100, 'q')
const { newUdp } = udpInternals!
let completed = 0
let errors = 0
const end = performance.now() + seconds * 1000

class Asker {
  #handle = this.#open()
  #askedAt = 0

  ask(): void {
    this.#askedAt = performance.now()
    if (this.#askedAt < end && sendConnected(this.#handle, question) < 0) errors++
  }

  onDatagram(bytes: Buffer): void {
    if (bytes.equals(question)) completed++
    else errors++
    if (renewed) this.#renew()
    this.ask()
  }

  onDatagramError(): void {
    errors++
  }

  /** A datagram may be lost; another one is sent for it. */
  look(now: number): void {
    if (now - this.#askedAt < LOST_MS) return
    errors++
    this.ask()
  }

  #renew(): void {
    this.#handle.close()
    this.#handle = this.#open()
  }

  #open(): UdpHandle {
    const handle = newUdp()
    if (handle.connect('127.0.0.1', port) !== 0 || receiveFor(handle, this) !== 0)
      throw new Error('no socket')
    return handle
  }
}

const askers = Array.from({ length: sockets }, () => new Asker())
for (const asker of askers) asker.ask()
setInterval(() => {
  const now = performance.now()
  if (now < end) return askers.forEach((asker) => asker.look(now))
  printResult({ completed, errors, seconds, bytes: completed * question.length })
  process.exit()
}, 100)
