import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** Answered at once: somebody decides by them whether lb lives. */
const HEALTH = /^\/(healthz|readyz)(\?|$)/

interface Call {
  readonly socket: Socket
  readonly answer: () => void
}

/**
 * The order of calls to the admin listener. A rendering of all metrics may take 0.1 s, so one call is answered per turn of the event
 * loop, and health checks come between. Of the requests on one connection the next begins when the answer to the one before has
 * gone out: who pipelines many and reads nothing holds one answer in memory.
 */
export class Turns {
  readonly #waiting: Call[] = []
  readonly #last = new WeakMap<Socket, ServerResponse>()

  take(request: IncomingMessage, response: ServerResponse, answer: () => void): void {
    const { socket } = request
    const before = this.#last.get(socket)
    this.#last.set(socket, response)
    const enter = HEALTH.test(request.url ?? '') ? answer : () => this.#enter({ socket, answer })
    if (before === undefined || before.writableFinished || before.destroyed) enter()
    else before.once('close', enter)
  }

  #enter(call: Call): void {
    this.#waiting.push(call)
    if (this.#waiting.length === 1) setImmediate(() => this.#next())
  }

  #next(): void {
    while (this.#waiting[0]?.socket.destroyed === true) this.#waiting.shift()
    const call = this.#waiting[0]
    if (call === undefined) return
    try {
      call.answer()
    } finally {
      this.#waiting.shift()
      if (this.#waiting.length > 0) setImmediate(() => this.#next())
    }
  }
}
