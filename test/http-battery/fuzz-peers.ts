import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import type { Seeded } from './seeded.ts'
import { resetSocket } from '../reset-socket.ts'

/** How a connection of the fuzzer ended, as its own side saw it. */
export type End = 'closed' | 'reset' | 'left' | 'hung'

/** Sends `bytes` in random pieces and then leaves, or waits to be shown out: at most `patienceMs`. */
export async function fuzzConnection(
  port: number,
  bytes: Buffer,
  random: Seeded,
  patienceMs: number
): Promise<End> {
  const pieces = split(bytes, random)
  const leave = random.of(['fin', 'reset', 'destroy', 'wait', 'wait', 'wait'] as const)
  return await new Promise((resolve) => {
    let waiting = true
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: random.chance(0.3) })
    const timer = setTimeout(() => settle('hung'), patienceMs)
    const settle = (end: End): void => {
      if (!waiting) return
      waiting = false
      clearTimeout(timer)
      socket.destroy()
      resolve(end)
    }
    socket.on('error', () => settle('reset'))
    socket.on('close', () => settle('closed'))
    socket.on('end', () => settle('closed'))
    socket.on('data', () => undefined)
    const next = (): void => {
      if (!waiting) return
      const piece = pieces.shift()
      if (piece !== undefined) {
        socket.write(piece)
        if (random.chance(0.7)) setImmediate(next)
        else setTimeout(next, random.below(5))
        return
      }
      if (leave === 'wait') return
      setTimeout(() => {
        if (leave === 'fin') socket.end()
        else if (leave === 'reset') resetSocket(socket)
        if (leave !== 'fin') settle('left')
      }, random.below(10))
    }
    socket.on('connect', next)
  })
}

/** A backend that answers every connection with what `make` gives, whatever it was asked, in pieces. */
export class ChaosOrigin {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  constructor(make: () => Buffer, random: Seeded) {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket)
      socket.on('close', () => this.#sockets.delete(socket))
      socket.on('error', () => undefined)
      socket.setNoDelay(true)
      socket.on('data', () => {
        const pieces = split(make(), random)
        const leave = random.of(['fin', 'reset', 'stay', 'stay', 'stay'] as const)
        const next = (): void => {
          if (socket.destroyed) return
          const piece = pieces.shift()
          if (piece !== undefined) {
            socket.write(piece)
            setImmediate(next)
          } else if (leave === 'fin') socket.end()
          else if (leave === 'reset') resetSocket(socket)
        }
        next()
      })
    })
  }

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    return (this.#server.address() as AddressInfo).port
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

/** Mostly whole; else up to six pieces, some of them one byte. */
function split(bytes: Buffer, random: Seeded): Buffer[] {
  if (random.chance(0.4)) return [bytes]
  const pieces: Buffer[] = []
  let rest = bytes
  for (let count = random.below(6); count > 0 && rest.length > 1; count--) {
    const at = random.chance(0.3) ? 1 : 1 + random.below(rest.length - 1)
    pieces.push(rest.subarray(0, at))
    rest = rest.subarray(at)
  }
  return [...pieces, rest]
}
