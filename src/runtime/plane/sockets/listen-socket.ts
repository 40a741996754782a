import type { ListenOptions, Server } from 'node:net'
import { portOfStream, type StreamHandle } from '../../../net/descriptors/bind-stream.ts'
import { notPassed, passedDescriptors } from '../../../net/descriptors/passed.ts'
import { listen, listenOver, type Accept } from '../../../net/transport/accept.ts'
import type { Bind } from '../../../config/model/bind.ts'
import { hasReusePort } from './reuse-port.ts'
import { removeStaleSocket } from './unix-socket.ts'

/** A closing socket waits at most this long for a quiet turn of the event loop. */
const CLOSE_WITHIN_MS = 1_000
/** In a turn shorter than this next to nothing happened between its check of the socket and our close. */
const QUIET_TURN_MS = 0.2
/** After this long, any turn without a connection is quiet enough. */
const PATIENCE_MS = 200
export const BACKLOG = 4096
/**
 * libuv (1.45 and later) accepts one connection per socket and turn of the event loop, so under load a whole turn, with
 * its epoll_wait, is paid per connection. With four sockets on the address, between which the kernel distributes
 * connections, a turn accepts four: CPU per new L4 connection fell from 159 to 140 µs (HAProxy: 98); eight sockets gave
 * 129.
 */
export const SHARES = 4

type OnError = (error: Error) => void

/** One bound address of one thread. A reload only swaps the engine that gets its connections. */
export class ListenSocket {
  readonly bind: Bind
  /** Written only by the data plane, when a snapshot is committed. */
  accept: Accept
  readonly #onError: OnError
  readonly #servers: Server[] = []
  /** Bound by the main thread. */
  readonly #handles: StreamHandle[] = []
  /** Sockets of dead threads by thread, until their replacements take over. */
  readonly #guests = new Map<number, readonly StreamHandle[]>()
  /** Connections accepted since it was bound. */
  #accepted = 0

  private constructor(bind: Bind, accept: Accept, onError: OnError) {
    this.bind = bind
    this.accept = accept
    this.#onError = onError
  }

  /** Binds and listens; `port` replaces the bind's when another thread has got one for port 0. */
  static async open(
    bind: Bind,
    port: number | undefined,
    accept: Accept,
    onError: OnError
  ): Promise<ListenSocket> {
    // The file of a dead worker; that no other process listens there was checked before (probeBind).
    if (bind.kind === 'unix') removeStaleSocket(bind.path)
    const socket = new ListenSocket(bind, accept, onError)
    try {
      for (const options of listenOptions(bind, port)) {
        // All on the port that the first one got.
        const known = socket.port
        const same = known === undefined || options.fd !== undefined ? options : { ...options, port: known }
        socket.#servers.push(await listen(same, socket.#take, onError))
      }
    } catch (error) {
      socket.destroy()
      throw error
    }
    return socket
  }

  /** Uses descriptors of sockets that the main thread has bound. Nothing is accepted before `start`. */
  static over(bind: Bind, handles: readonly StreamHandle[], accept: Accept, onError: OnError): ListenSocket {
    const socket = new ListenSocket(bind, accept, onError)
    socket.#handles.push(...handles)
    return socket
  }

  /** Accepts from now on. Throws only on errors that are not expected to happen. */
  start(): void {
    for (const handle of this.#handles) this.#listen(handle)
  }

  /** Accepts for the dead `thread` too. */
  adopt(thread: number, handles: readonly StreamHandle[]): void {
    this.release(thread)
    this.#guests.set(thread, handles)
    for (const handle of handles) this.#listen(handle)
  }

  /** The replacement is there. True: no socket is left to listen on. */
  release(thread: number): boolean {
    for (const handle of this.#guests.get(thread) ?? []) handle.close()
    this.#guests.delete(thread)
    return this.#servers.length + this.#handles.length + this.#guests.size === 0
  }

  #listen(handle: StreamHandle): void {
    listenOver(handle, BACKLOG, this.#take, this.#onError)
  }

  readonly #take: Accept = (attach) => {
    this.#accepted++
    this.accept(attach)
  }

  /** The actual port; undefined for a unix socket. */
  get port(): number | undefined {
    if (this.bind.kind === 'unix') return undefined
    const handle = this.#handles[0]
    if (handle !== undefined) return portOfStream(handle)
    const address = this.#servers[0]?.address()
    return address === null || typeof address !== 'object' ? undefined : address.port
  }

  /**
   * Closes once the kernel's queues are empty. A connection in the queue of a closing socket is reset, although its
   * client has seen it open; with `reusePort` every socket has its own queue. A turn of the event loop accepts one
   * connection from each, so a turn without any has seen empty queues, and only connections that arrive between that
   * check and the close may be lost: with a quiet turn about 10 µs, measured.
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
    this.destroy()
  }

  /** Closes at once; connections in the kernel's queue are reset. */
  destroy(): void {
    for (const server of this.#servers) server.close()
    for (const handle of this.#handles) handle.close()
    for (const thread of [...this.#guests.keys()]) this.release(thread)
  }
}

/** The options for each socket. */
function listenOptions(bind: Bind, port: number | undefined): (ListenOptions & { fd?: number })[] {
  if (bind.kind === 'unix') return [{ path: bind.path, backlog: BACKLOG }]
  if (bind.kind === 'systemd') {
    const descriptors = passedDescriptors(bind.name)
    if (descriptors.length === 0) throw notPassed(bind.name)
    return descriptors.map((fd) => ({ fd, backlog: BACKLOG }))
  }
  const options = {
    host: bind.host,
    port: port ?? bind.port,
    backlog: BACKLOG,
    // `[::]:80` is IPv6 only, so that it may be used beside `0.0.0.0:80`.
    ipv6Only: true,
    ...(hasReusePort ? { reusePort: true } : { exclusive: true })
  }
  return Array.from({ length: hasReusePort ? SHARES : 1 }, () => options)
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
