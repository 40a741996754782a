import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'

/** PostgreSQL's question for TLS: its length and the number 1234 5679. */
const QUESTION = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47])
const YES = 'S'.charCodeAt(0)

/** How often PostgreSQL's question for TLS was answered with S, and how often otherwise. */
export interface Questions {
  yes: number
  no: number
}

/** A connection on which TLS begins once the other side has said that it speaks it, as PostgreSQL's clients do. */
export class AsksFirst extends Duplex {
  readonly #socket: Socket
  #answered = false
  #held: (() => void) | undefined

  constructor(socket: Socket, questions: Questions) {
    super({ allowHalfOpen: true })
    this.#socket = socket
    socket.write(QUESTION)
    socket.on('data', (bytes: Buffer) => {
      if (this.#answered) return void this.#take(bytes)
      this.#answered = true
      const agrees = bytes[0] === YES && bytes.length === 1
      questions[agrees ? 'yes' : 'no']++
      if (!agrees) return void this.destroy()
      this.#held?.()
    })
    socket.on('end', () => this.push(null))
    socket.on('error', (error) => this.destroy(error))
    socket.on('close', () => this.destroy())
    this.on('error', () => {})
  }

  override _read(): void {
    this.#socket.resume()
  }

  override _write(bytes: Buffer, _: BufferEncoding, done: (error?: Error | null) => void): void {
    const write = (): void => void this.#socket.write(bytes, done)
    if (this.#answered) write()
    else this.#held = write
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#socket.end(done)
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#socket.destroy()
    done(error)
  }

  #take(bytes: Buffer): void {
    if (!this.push(bytes)) this.#socket.pause()
  }
}
