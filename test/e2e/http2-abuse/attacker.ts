import { connect, type Socket } from 'node:net'
import { preface } from '../../l7/http2/wire.ts'
import { attacks } from './attacks.ts'

/** A connection that has said all rests so long before another one follows. */
const REST_MS = 5

export interface Damage {
  connections: number
  bytes: number
}

/** One connection at a time that attacks, and another one when it has ended. */
export class Attacker {
  readonly damage: Damage = { connections: 0, bytes: 0 }
  readonly #port: number
  readonly #from: string
  readonly #parts: readonly Buffer[]
  #socket: Socket | undefined
  #over = false

  /** `from`: its address. */
  constructor(port: number, name: string, from = '127.0.0.2') {
    this.#port = port
    this.#from = from
    this.#parts = attacks[name]!()
  }

  /** Until `stop`; `again` false: one connection. */
  async run(again: boolean): Promise<void> {
    do await this.#connection()
    while (again && !this.#over)
  }

  stop(): void {
    this.#over = true
    this.#socket?.destroy()
  }

  #connection(): Promise<void> {
    return new Promise((resolve) => {
      const socket = connect({ port: this.#port, host: '127.0.0.1', localAddress: this.#from })
      this.#socket = socket
      this.damage.connections++
      socket.setNoDelay(true)
      socket.on('error', () => {})
      socket.on('close', () => resolve())
      socket.resume()
      socket.write(preface)
      let at = 0
      const next = (): void => {
        if (socket.destroyed) return
        const part = this.#parts[at++]
        if (part === undefined) return void setTimeout(() => socket.destroy(), REST_MS)
        this.damage.bytes += part.length
        // Not in the same read of lb.
        socket.write(part, () => setImmediate(next))
      }
      next()
    })
  }
}
