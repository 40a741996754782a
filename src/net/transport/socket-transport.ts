import { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { factsOfSocket } from '../tls/read-facts.ts'
import type { TlsFacts } from '../tls/tls-facts.ts'
import { failure, UV_ECONNRESET } from './raw-streams.ts'
import { readArea } from './read-buffer.ts'
import { Transport, type SocketName, type TransportOwner } from './transport.ts'

/** A handle of libuv that a net.Socket can be created from. */
export interface SocketHandle {
  useUserBuffer?(buffer: Uint8Array): void
  readonly fd?: number
  close(done: () => void): void
  reset?(done: () => void): number
}

const EARLY_HIGH_WATER = 65_536

/** A socket of node:net or node:tls: for TLS to backends, unix sockets, and everything where there are no raw streams. */
export class SocketTransport extends Transport {
  /** Looks for the socket, as long as there is none. */
  dialling: { cancel(): void } | undefined
  /** Undefined while the addresses of a name are tried. */
  #socket: Socket | undefined
  #destroy: Socket['destroy'] | undefined
  /** Sent, and ended, before there was a socket. */
  #early: (string | Uint8Array)[] | undefined
  #earlyBytes = 0
  #endsEarly = false
  #error: NodeJS.ErrnoException | undefined
  /** A write failed, and what the peer sent before is being read. */
  #broken: NodeJS.ErrnoException | undefined
  #closed = false
  #paused = false
  /** The peer's FIN came while the owner had paused. */
  #endWaits = false
  #facts: TlsFacts | undefined

  /** Takes over an accepted connection's handle, from which net.Server would create a `net.Socket`. */
  static overHandle(handle: SocketHandle, owner: TransportOwner): SocketTransport {
    const transport = new SocketTransport(owner)
    transport.#take(transport.newSocket({ handle, readable: true, writable: true }))
    return transport
  }

  /**
   * For a socket that exists already: TLS, or an accepted one whose handle cannot be taken over. `facts`: of a handshake
   * with a client.
   */
  static overSocket(socket: Socket | TLSSocket, owner: TransportOwner, facts?: TlsFacts): SocketTransport {
    const transport = new SocketTransport(owner)
    transport.#facts = facts
    transport.#listen(socket)
    transport.#take(socket)
    return transport
  }

  /** A connection to be opened; `owner.onConnect` or `owner.onClose` follows. `connect` connects the socket. */
  static dialled(owner: TransportOwner, connect: (socket: Socket) => void): SocketTransport {
    const transport = new SocketTransport(owner)
    const socket = transport.newSocket()
    transport.#take(socket)
    socket.on('connect', () => transport.tellConnect())
    connect(socket)
    return transport
  }

  /** A connection to be opened, by a socket that is not known yet: `adopt` or `destroy` follows. */
  static toBeDialled(owner: TransportOwner): SocketTransport {
    return new SocketTransport(owner)
  }

  /** Not connected. What it reads, this transport's owner gets: of several such sockets, only the one that is adopted may read. */
  newSocket(more?: object): Socket {
    const options = { ...more, allowHalfOpen: true, onread: this.#onread() }
    return new Socket(options as unknown as ConstructorParameters<typeof Socket>[0])
  }

  /** This socket is connected. Made by `newSocket` or, with `reads: false`, by others. */
  adopt(socket: Socket, { reads }: { readonly reads: boolean }): void {
    if (!reads) this.#listen(socket)
    this.#take(socket)
    if (this.#paused) socket.pause()
    socket.cork()
    for (const piece of this.#early ?? []) socket.write(piece, 'latin1')
    socket.uncork()
    this.#early = undefined
    if (this.#endsEarly) socket.end()
  }

  #listen(socket: Socket): void {
    socket.on('data', (chunk: Buffer) => {
      this.bytesIn += chunk.length
      this.tellData(chunk, 0, chunk.length)
    })
  }

  #take(socket: Socket): void {
    this.#socket = socket
    socket.on('error', (error: NodeJS.ErrnoException) => (this.#error = error))
    socket.on('end', () => this.#readEnd())
    socket.on('drain', () => this.drained())
    socket.on('close', () => {
      this.#closed = true
      if (this.#error === undefined) this.#tellHeldEnd()
      this.gone(this.#error)
    })
    // net.Socket destroys itself when a write fails, and with it the data that was not read.
    const destroy = (this.#destroy = socket.destroy.bind(socket))
    socket.destroy = (error?: NodeJS.ErrnoException) =>
      this.#holdsOn(error) ? socket : destroy(this.#broken ?? error)
  }

  /** There is one unless the addresses of a name are still tried. */
  get socket(): Socket {
    return this.#socket!
  }

  get closed(): boolean {
    return this.#closed || this.#socket?.destroyed === true
  }

  override get secure(): boolean {
    return (this.#socket as { encrypted?: boolean } | undefined)?.encrypted === true
  }

  override get tls(): TlsFacts | undefined {
    if (!this.secure) return undefined
    return (this.#facts ??= factsOfSocket(this.socket as TLSSocket))
  }

  get pending(): number {
    return this.#socket === undefined ? this.#earlyBytes : this.#socket.writableLength
  }

  get remote(): SocketName | undefined {
    return nameOf(this.#socket?.remoteAddress, this.#socket?.remotePort)
  }

  get local(): SocketName | undefined {
    return nameOf(this.#socket?.localAddress, this.#socket?.localPort)
  }

  pause(): void {
    this.#paused = true
    this.#socket?.pause()
  }

  resume(): void {
    this.#paused = false
    this.#socket?.resume()
    if (this.#endWaits) process.nextTick(giveEnd, this)
  }

  /** Internal: reading continues, behind the last bytes. */
  giveEnd(): void {
    if (!this.#paused && !this.closed) this.#tellHeldEnd()
  }

  cork(): void {
    this.#socket?.cork()
  }

  uncork(): void {
    this.#socket?.uncork()
  }

  end(): void {
    if (this.#socket === undefined) this.#endsEarly = true
    else if (!this.socket.destroyed && !this.socket.writableEnded && this.#broken === undefined)
      this.socket.end()
  }

  destroy(error?: Error): void {
    if (this.#destroy !== undefined) this.#destroy(error)
    else if (!this.#closed) {
      this.#closed = true
      this.dialling?.cancel()
      process.nextTick(() => this.gone(error))
    }
  }

  reset(): void {
    const socket = this.#socket
    if (socket === undefined) return this.destroy()
    const { _handle: handle } = socket as unknown as { _handle?: { reset?: unknown } | null }
    // resetAndDestroy throws on handles without reset (ERR_INVALID_HANDLE_TYPE); with TLS the missing close_notify
    // shows the abort. While a FIN is being sent libuv refuses, and Node then never closes the handle.
    const can = typeof handle?.reset === 'function' && !socket.destroyed && !socket.connecting
    if (can && socket.writableEnded === socket.writableFinished) socket.resetAndDestroy()
    else this.destroy()
  }

  keepAlive(ms: number): void {
    this.#socket?.setKeepAlive(true, ms)
  }

  protected writeText(text: string): boolean {
    return this.#write(text)
  }

  protected writeBytes(bytes: Uint8Array): boolean {
    return this.#write(bytes)
  }

  protected writeBoth(text: string, bytes: Uint8Array): boolean {
    const socket = this.#socket
    if (this.#broken !== undefined) return false
    if (socket === undefined) {
      this.#keepEarly(text)
      return this.#keepEarly(bytes)
    }
    socket.cork()
    socket.write(text, 'latin1')
    const flowing = socket.write(bytes)
    socket.uncork()
    return flowing || socket.writableLength === 0
  }

  #write(piece: string | Uint8Array): boolean {
    // The peer is gone, so the caller need not produce more data.
    if (this.#broken !== undefined) return false
    const socket = this.#socket
    if (socket === undefined) return this.#keepEarly(piece)
    return socket.write(piece, 'latin1') || socket.writableLength === 0
  }

  #keepEarly(piece: string | Uint8Array): boolean {
    if (this.#closed || this.#endsEarly) return true
    ;(this.#early ??= []).push(piece)
    this.#earlyBytes += piece.length
    return this.#earlyBytes < EARLY_HIGH_WATER
  }

  #holdsOn(error: NodeJS.ErrnoException | undefined): boolean {
    const { socket } = this
    const { _readableState: state } = socket as unknown as {
      _readableState: { errored: unknown; ended: boolean }
    }
    if (!this.readsOut || socket.readableEnded || socket.destroyed) return false
    // Others (connect, getaddrinfo) come before there is a connection, so nothing that was sent can wait.
    if (error?.syscall === undefined || !callsOfConnections.has(error.syscall)) return false
    // A read failed while earlier data waits here: that data goes first, as before an end.
    const read = error.syscall === 'read'
    if (read && socket.readableLength === 0) return false
    this.#broken ??= error
    // Otherwise streams neither accept what is read nor report its end.
    state.errored = null
    if (read && !state.ended) socket.push(null)
    return true
  }

  #readEnd(): void {
    const broken = this.#broken
    // EPIPE: the peer's FIN had come before it refused data. Otherwise the connection was reset.
    if (broken !== undefined) {
      if (broken.code === 'EPIPE') this.tellEnd()
      this.destroy(broken)
    } else if (this.#isReset()) this.destroy(failure('read', UV_ECONNRESET))
    // Node's 'end' comes in spite of a pause once all data has been delivered, while the owner may still hold some of it.
    else if (this.#paused) this.#endWaits = true
    else this.tellEnd()
  }

  #tellHeldEnd(): void {
    if (!this.#endWaits) return
    this.#endWaits = false
    this.tellEnd()
  }

  /** As in RawTransport: a reset right after the last bytes is reported as an end. */
  #isReset(): boolean {
    const { _handle: handle } = this.socket as unknown as {
      _handle?: { reset?: unknown; getpeername?: (out: object) => number } | null
    }
    if (this.secure || this.socket.writableEnded || typeof handle?.reset !== 'function') return false
    return (handle.getpeername?.({}) ?? 0) !== 0
  }

  #onread(): { buffer: Buffer; callback: (bytes: number) => boolean } {
    return {
      buffer: readArea,
      callback: (bytes) => {
        this.received(bytes)
        return true
      }
    }
  }
}

function giveEnd(transport: SocketTransport): void {
  transport.giveEnd()
}

/** System calls, as Node's errors name them, that fail on a connection that exists. */
const callsOfConnections = new Set(['read', 'write', 'shutdown'])

function nameOf(address: string | undefined, port: number | undefined): SocketName | undefined {
  return address === undefined || address === '' || port === undefined ? undefined : { address, port }
}
