import { messageOf } from '../core/errors.ts'
import type { Connection } from './connect.ts'

const MAX_REPLY = 200
const MINUS = 0x2d

/**
 * The most helpful reason why a connection failed: the first error of the last try, since later ones are only
 * consequences, and before it the server's answer to a refused login (-DENIED, -ERR max number of clients reached): the
 * server then closes at once, and the next write would only report a broken pipe.
 */
export class ConnectionFault {
  #reason: string | undefined
  #triesAgain = true

  constructor(connection: Connection) {
    connection.on('connecting', () => (this.#triesAgain = true))
    connection.on('ready', () => (this.#reason = undefined))
    connection.on('error', (error: Error) => this.#note(messageOf(error)))
    connection.on('connect', () => {
      // ioredis handles the nodes of a cluster itself.
      if (!('stream' in connection)) return
      connection.stream.once('data', (bytes: Buffer) => {
        if (bytes[0] === MINUS && this.#triesAgain) this.#note(firstLine(bytes))
      })
    })
  }

  get reason(): string | undefined {
    return this.#reason
  }

  #note(reason: string): void {
    if (this.#triesAgain) this.#reason = reason
    this.#triesAgain = false
  }
}

function firstLine(bytes: Buffer): string {
  return bytes.toString('latin1', 1, MAX_REPLY).split('\r\n', 1)[0]!
}
