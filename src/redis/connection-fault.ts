import { messageOf } from '../core/errors.ts'
import type { Connection } from './connect.ts'

const MAX_REPLY = 200
const MINUS = 0x2d

/**
 * Why a connection is none, in the words that help an operator most: the first error of the last try, for those that follow are only
 * its consequences, and before it what the server said to a login that it does not want (-DENIED, -ERR max number of clients
 * reached): it closes at once then, and the next write would be told of as a broken pipe.
 */
export class ConnectionFault {
  #reason: string | undefined
  #triesAgain = true

  constructor(connection: Connection) {
    connection.on('connecting', () => (this.#triesAgain = true))
    connection.on('ready', () => (this.#reason = undefined))
    connection.on('error', (error: Error) => this.#note(messageOf(error)))
    connection.on('connect', () => {
      // A cluster's nodes are ioredis' own affair.
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
