import { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { forgetBulkBuffer, giveBulkBuffer, sharedBuffer, takeBulkBuffer } from './bulk-buffers.ts'

/** Who hears from a Transport. Exactly one at a time; may be exchanged (an upgrade hands both sides to a splice). */
export interface TransportOwner {
  /** Bytes `start..end` of `buffer` arrived. They are valid during the call only: copy, or pass to `sendFrom`. */
  onData(buffer: Buffer, start: number, end: number): void
  /** The peer's FIN: it will send no more, but may still read. */
  onEnd(): void
  /** What a `send` that returned false was waiting for has gone to the kernel. May also come unasked. */
  onDrain(): void
  /** Once, last. `error` when the connection broke (ECONNRESET, EPIPE …) or could not be made. */
  onClose(error: NodeJS.ErrnoException | undefined): void
  /** A dialled connection is there. */
  onConnect?(): void
}

/** A libuv stream handle as far as it is used here; not public API of Node, hence all tested for before use. */
export interface StreamHandle {
  useUserBuffer?(buffer: Uint8Array): void
}

/** Reads above this make a stream use a private buffer, so that its bytes need no copy. */
const BULK_FROM = 8_192
const BULK_BELOW = 2_048
/** So many reads below it in a row give the private buffer back. */
const SMALL_READS = 8

/**
 * A connected byte stream with one owner: node:net or node:tls underneath, no Readable in between. Cleartext
 * sockets read into one buffer per thread (net's `onread`), which saves the 64 KiB allocation per read that
 * 'data' events cost: 2 to 4 µs of 20 per proxied request, and all buffer memory of idle connections.
 */
export class Transport {
  readonly socket: Socket
  owner: TransportOwner
  /** Bytes read from and handed to the socket. */
  bytesIn = 0
  bytesOut = 0
  #error: NodeJS.ErrnoException | undefined
  /** True while this stream wants a private read buffer. */
  #bulk = false
  #buffer: Buffer | undefined
  #smallReads = 0
  /** Another stream's private buffer that a pending write of ours refers to. */
  #held: Buffer | undefined
  #closed = false

  private constructor(owner: TransportOwner, makeSocket: (transport: Transport) => Socket) {
    this.owner = owner
    this.socket = makeSocket(this)
    const socket = this.socket
    socket.on('error', (error: NodeJS.ErrnoException) => (this.#error = error))
    socket.on('end', () => this.owner.onEnd())
    socket.on('drain', () => this.#drained())
    socket.on('close', () => this.#close())
  }

  /** Takes over an accepted connection's handle: what a `net.Socket` would otherwise be made for. */
  static overHandle(handle: StreamHandle, owner: TransportOwner): Transport {
    return new Transport(owner, (transport) => {
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
  static overSocket(socket: Socket | TLSSocket, owner: TransportOwner): Transport {
    return new Transport(owner, (transport) => {
      socket.on('data', (chunk: Buffer) => {
        transport.bytesIn += chunk.length
        transport.owner.onData(chunk, 0, chunk.length)
      })
      return socket
    })
  }

  /** A new connection to be made; `owner.onConnect` or `owner.onClose` follows. `connect` dials the socket. */
  static dialled(owner: TransportOwner, connect: (socket: Socket) => void): Transport {
    const transport = new Transport(owner, (made) => {
      const options = { allowHalfOpen: true, onread: made.#onread() }
      return new Socket(options as unknown as ConstructorParameters<typeof Socket>[0])
    })
    transport.socket.on('connect', () => transport.owner.onConnect?.())
    connect(transport.socket)
    return transport
  }

  /** True once closed, destroyed or broken: nothing more can be sent. */
  get closed(): boolean {
    return this.#closed || this.socket.destroyed
  }

  /** True over TLS: `destroy` then closes without a goodbye (close_notify), which `end` sends. */
  get secure(): boolean {
    return (this.socket as { encrypted?: boolean }).encrypted === true
  }

  /** Bytes waiting in this process for the peer to read. */
  get pending(): number {
    return this.socket.writableLength
  }

  /** Sends a latin1 string: the cheapest way for heads and small bodies. False: wait for `onDrain`. */
  sendText(text: string): boolean {
    this.bytesOut += text.length
    return this.socket.write(text, 'latin1') || this.socket.writableLength === 0
  }

  /** Sends bytes that stay untouched from now on. False: wait for `onDrain`. */
  sendOwned(bytes: Uint8Array): boolean {
    this.bytesOut += bytes.length
    return this.socket.write(bytes) || this.socket.writableLength === 0
  }

  /** Sends bytes of `source`'s current `onData`, copying only what must be. Without a
   * source the bytes stay untouched from now on. False: pause `source` until `onDrain`. */
  sendFrom(source: Transport | undefined, buffer: Buffer, start: number, end: number): boolean {
    if (buffer === sharedBuffer) return this.sendOwned(copyOf(buffer, start, end))
    this.#reclaim()
    const flowing = this.sendOwned(buffer.subarray(start, end))
    this.#lend(source, buffer)
    return flowing
  }

  /** `sendText` and `sendFrom` in one writev. */
  sendTextAndBytes(
    text: string,
    source: Transport | undefined,
    buffer: Buffer,
    start: number,
    end: number
  ): boolean {
    if (text === '') return this.sendFrom(source, buffer, start, end)
    this.#reclaim()
    const bytes = buffer === sharedBuffer ? copyOf(buffer, start, end) : buffer.subarray(start, end)
    this.bytesOut += text.length + bytes.length
    const { socket } = this
    socket.cork()
    socket.write(text, 'latin1')
    const flowing = socket.write(bytes)
    socket.uncork()
    this.#lend(source, buffer)
    return flowing || socket.writableLength === 0
  }

  // The kernel may not have taken all: then libuv goes on reading from the buffer, so its reader must not reuse it.
  #lend(source: Transport | undefined, buffer: Buffer): void {
    if (source === undefined || buffer !== source.#buffer || this.socket.writableLength === 0) return
    source.#buffer = undefined
    if (this.#held === undefined) this.#held = buffer
    else forgetBulkBuffer()
  }

  #reclaim(): void {
    if (this.#held === undefined || this.socket.writableLength > 0) return
    giveBulkBuffer(this.#held)
    this.#held = undefined
  }

  pause(): void {
    this.socket.pause()
  }

  resume(): void {
    this.socket.resume()
  }

  /** Sends FIN after what is pending. */
  end(): void {
    if (!this.socket.destroyed && !this.socket.writableEnded) this.socket.end()
  }

  /** Closes both ways at once; what is pending is lost. */
  destroy(): void {
    this.socket.destroy()
  }

  /** Closes with RST, so that the peer knows that the message did not end well. TLS and unix sockets have none. */
  reset(): void {
    const { socket } = this
    const { _handle: handle } = socket as unknown as { _handle?: { reset?: unknown } | null }
    // resetAndDestroy throws on handles that cannot (ERR_INVALID_HANDLE_TYPE). TLS tells by the missing close_notify.
    if (typeof handle?.reset === 'function' && !socket.destroyed && !socket.connecting)
      socket.resetAndDestroy()
    else socket.destroy()
  }

  #onread(): { buffer: () => Buffer; callback: (bytes: number, buffer: Buffer) => boolean } {
    return {
      buffer: () => (this.#bulk ? (this.#buffer ??= takeBulkBuffer() ?? sharedBuffer) : sharedBuffer),
      callback: (bytes, buffer) => {
        this.bytesIn += bytes
        if (bytes >= BULK_FROM) this.#bulk = true
        this.owner.onData(buffer, 0, bytes)
        // Only now: until here the owner may have lent the buffer to a pending write (see sendFrom).
        if (this.#bulk) this.#mayLeaveBulk(bytes)
        return true
      }
    }
  }

  // The end of each body is a small read, and the next body large: only several in a row mean that it is over.
  #mayLeaveBulk(bytes: number): void {
    if (bytes >= BULK_BELOW) this.#smallReads = 0
    else if (++this.#smallReads >= SMALL_READS) {
      this.#smallReads = 0
      this.#bulk = false
      this.#giveBuffer()
    }
  }

  #giveBuffer(): void {
    const buffer = this.#buffer
    this.#buffer = undefined
    if (buffer !== undefined && buffer !== sharedBuffer) giveBulkBuffer(buffer)
  }

  #drained(): void {
    this.#reclaim()
    this.owner.onDrain()
  }

  #close(): void {
    this.#closed = true
    this.#giveBuffer()
    if (this.#held !== undefined) forgetBulkBuffer()
    this.#held = undefined
    this.owner.onClose(this.#error)
  }
}

function copyOf(buffer: Buffer, start: number, end: number): Buffer {
  const copy = Buffer.allocUnsafe(end - start)
  buffer.copy(copy, 0, start, end)
  return copy
}
