import { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { readArea } from './read-buffer.ts'
import { Transport, type SocketName, type TransportOwner } from './transport.ts'

/** A handle of libuv's that a net.Socket can be made over. */
export interface SocketHandle {
  useUserBuffer?(buffer: Uint8Array): void
}

/** Over a socket of node:net or node:tls: TLS, unix sockets, names with several addresses. */
export class SocketTransport extends Transport {
  readonly socket: Socket
  #error: NodeJS.ErrnoException | undefined
  #closed = false

  private constructor(owner: TransportOwner, makeSocket: (transport: SocketTransport) => Socket) {
    super(owner)
    this.socket = makeSocket(this)
    const socket = this.socket
    socket.on('error', (error: NodeJS.ErrnoException) => (this.#error = error))
    socket.on('end', () => this.owner.onEnd())
    socket.on('drain', () => this.drained())
    socket.on('close', () => {
      this.#closed = true
      this.gone(this.#error)
    })
  }

  /** Takes over an accepted connection's handle: what a `net.Socket` would otherwise be made for. */
  static overHandle(handle: SocketHandle, owner: TransportOwner): SocketTransport {
    return new SocketTransport(owner, (transport) => {
      const options = {
        handle,
        allowHalfOpen: true,
        readable: true,
        writable: true,
        onread: transport.#onread()
      }
      return new Socket(options as unknown as ConstructorParameters<typeof Socket>[0])
    })
  }

  /** Over a socket that exists already: TLS, or an accepted one whose handle cannot be taken over. */
  static overSocket(socket: Socket | TLSSocket, owner: TransportOwner): SocketTransport {
    return new SocketTransport(owner, (transport) => {
      socket.on('data', (chunk: Buffer) => {
        transport.bytesIn += chunk.length
        transport.owner.onData(chunk, 0, chunk.length)
      })
      return socket
    })
  }

  /** A new connection to be made; `owner.onConnect` or `owner.onClose` follows. `connect` dials the socket. */
  static dialled(owner: TransportOwner, connect: (socket: Socket) => void): SocketTransport {
    const transport = new SocketTransport(owner, (made) => {
      const options = { allowHalfOpen: true, onread: made.#onread() }
      return new Socket(options as unknown as ConstructorParameters<typeof Socket>[0])
    })
    transport.socket.on('connect', () => transport.owner.onConnect?.())
    connect(transport.socket)
    return transport
  }

  get closed(): boolean {
    return this.#closed || this.socket.destroyed
  }

  get secure(): boolean {
    return (this.socket as { encrypted?: boolean }).encrypted === true
  }

  get pending(): number {
    return this.socket.writableLength
  }

  get remote(): SocketName | undefined {
    return nameOf(this.socket.remoteAddress, this.socket.remotePort)
  }

  get local(): SocketName | undefined {
    return nameOf(this.socket.localAddress, this.socket.localPort)
  }

  pause(): void {
    this.socket.pause()
  }

  resume(): void {
    this.socket.resume()
  }

  cork(): void {
    this.socket.cork()
  }

  uncork(): void {
    this.socket.uncork()
  }

  end(): void {
    if (!this.socket.destroyed && !this.socket.writableEnded) this.socket.end()
  }

  destroy(error?: Error): void {
    this.socket.destroy(error)
  }

  reset(): void {
    const { socket } = this
    const { _handle: handle } = socket as unknown as { _handle?: { reset?: unknown } | null }
    // resetAndDestroy throws on handles that cannot (ERR_INVALID_HANDLE_TYPE); TLS tells by the missing close_notify.
    // While a FIN is on its way libuv refuses, and Node then never closes the handle.
    const can = typeof handle?.reset === 'function' && !socket.destroyed && !socket.connecting
    if (can && socket.writableEnded === socket.writableFinished) socket.resetAndDestroy()
    else socket.destroy()
  }

  keepAlive(ms: number): void {
    this.socket.setKeepAlive(true, ms)
  }

  protected writeText(text: string): boolean {
    return this.socket.write(text, 'latin1') || this.socket.writableLength === 0
  }

  protected writeBytes(bytes: Uint8Array): boolean {
    return this.socket.write(bytes) || this.socket.writableLength === 0
  }

  protected writeBoth(text: string, bytes: Uint8Array): boolean {
    const { socket } = this
    socket.cork()
    socket.write(text, 'latin1')
    const flowing = socket.write(bytes)
    socket.uncork()
    return flowing || socket.writableLength === 0
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

function nameOf(address: string | undefined, port: number | undefined): SocketName | undefined {
  return address === undefined || address === '' || port === undefined ? undefined : { address, port }
}
