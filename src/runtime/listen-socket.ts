import type { AddressInfo, ListenOptions, Server } from 'node:net'
import { listen, type Accept } from '../net/accept.ts'
import type { Bind } from '../config/model.ts'
import { hasReusePort } from './reuse-port.ts'
import { removeStaleSocket } from './unix-socket.ts'

/** Longest time that a closing socket looks for a quiet turn before it closes anyway. */
const CLOSE_WITHIN_MS = 1_000
/** A turn of the event loop shorter than this did next to nothing between its look at the socket and our close. */
const QUIET_TURN_MS = 0.2
/** After this long any turn that brought no connection is quiet enough. */
const PATIENCE_MS = 200
const BACKLOG = 4096

/** One bound address of one thread. Which engine takes its connections is one cell that a reload swaps. */
export class ListenSocket {
  readonly bind: Bind
  /** Written by the data plane only, when a snapshot is committed. */
  accept: Accept
  readonly #server: Server
  /** Connections accepted since it was bound. */
  #accepted = 0

  private constructor(bind: Bind, server: Server, accept: Accept) {
    this.bind = bind
    this.#server = server
    this.accept = accept
  }

  /** Binds; `port` over the bind's when another thread has taken one for port 0. */
  static async open(
    bind: Bind,
    port: number | undefined,
    accept: Accept,
    onError: (error: Error) => void
  ): Promise<ListenSocket> {
    // A file left by a worker that died; that nobody else listens there was asked before (probeBind).
    if (bind.kind === 'unix') removeStaleSocket(bind.path)
    const cell: { socket?: ListenSocket } = {}
    const server = await listen(
      listenOptions(bind, port),
      // Nothing can be accepted before the cell is set: both happen in the turn in which the bind succeeded.
      (attach) => {
        const socket = cell.socket!
        socket.#accepted++
        socket.accept(attach)
      },
      onError
    )
    return (cell.socket = new ListenSocket(bind, server, accept))
  }

  /** The port really bound; undefined for a unix socket. */
  get port(): number | undefined {
    const address = this.#server.address() as AddressInfo | string | null
    return address === null || typeof address === 'string' ? undefined : address.port
  }

  /**
   * Closes once the kernel's queue of this socket is empty. A connection that is in the queue when its socket closes
   * is reset, although its client has seen it open; with `reusePort` every thread has a queue of its own. libuv accepts
   * one connection per turn (1.45 and later), so a turn without one has seen the queue empty, and what may still be
   * lost is what arrives between that look and the close: with a quiet turn some 10 µs, measured.
   */
  async close(): Promise<void> {
    const began = performance.now()
    let accepted = this.#accepted
    for (let turnBegan = began; ;) {
      await turn()
      const now = performance.now()
      const quiet = this.#accepted === accepted
      const waited = now - began
      if (quiet && turnBegan !== began && (now - turnBegan < QUIET_TURN_MS || waited > PATIENCE_MS)) break
      if (waited > CLOSE_WITHIN_MS) break
      accepted = this.#accepted
      turnBegan = now
    }
    this.#server.close()
  }

  /** Closes at once; what is in the kernel's queue is reset. */
  destroy(): void {
    this.#server.close()
  }
}

function listenOptions(bind: Bind, port: number | undefined): ListenOptions {
  if (bind.kind === 'unix') return { path: bind.path, backlog: BACKLOG }
  return {
    host: bind.host,
    port: port ?? bind.port,
    backlog: BACKLOG,
    // `[::]:80` is IPv6 alone, so that it may stand beside `0.0.0.0:80`.
    ipv6Only: true,
    ...(hasReusePort ? { reusePort: true } : { exclusive: true })
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
