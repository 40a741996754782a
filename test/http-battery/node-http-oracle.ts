import { createServer, type Server } from 'node:http'
import { Duplex } from 'node:stream'

export interface NodeVerdict {
  /** Requests that the handler got, in order. */
  readonly requests: readonly { readonly method: string; readonly target: string }[]
  readonly error: string | undefined
}

/**
 * node:http as it is when nobody asks for leniency, fed through a stream in memory: `emit('connection')` takes any
 * Duplex, so no sockets are needed and the verdict stands after a few turns of the event loop.
 */
export class NodeHttpOracle {
  readonly #server: Server
  #requests: { method: string; target: string }[] = []
  #error: string | undefined

  constructor() {
    this.#server = createServer(
      { insecureHTTPParser: false, requireHostHeader: false, keepAliveTimeout: 0 },
      (request, response) => {
        this.#requests.push({ method: request.method ?? '', target: request.url ?? '' })
        request.resume()
        response.end()
      }
    )
    const tunnel = (request: { method?: string; url?: string }, socket: Duplex): void => {
      this.#requests.push({ method: request.method ?? '', target: request.url ?? '' })
      socket.destroy()
    }
    this.#server.on('upgrade', tunnel)
    this.#server.on('connect', tunnel)
    this.#server.on('checkExpectation', (request, response) => {
      this.#requests.push({ method: request.method ?? '', target: request.url ?? '' })
      response.end()
    })
    this.#server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
      this.#error = error.code ?? error.message
      socket.destroy()
    })
  }

  async verdict(bytes: Uint8Array): Promise<NodeVerdict> {
    this.#requests = []
    this.#error = undefined
    const socket = new Wire()
    this.#server.emit('connection', socket)
    socket.push(bytes)
    // Pipelined requests are handled one per turn, once the answer before them has been written.
    for (let turn = 0; turn < 12; turn++) await new Promise((resolve) => setImmediate(resolve))
    const verdict = { requests: this.#requests, error: this.#error }
    socket.destroy()
    return verdict
  }
}

class Wire extends Duplex {
  override _read(): void {}

  override _write(_chunk: unknown, _encoding: string, done: () => void): void {
    done()
  }

  // What node:http calls on sockets.
  setTimeout(): this {
    return this
  }

  setNoDelay(): this {
    return this
  }

  setKeepAlive(): this {
    return this
  }
}
