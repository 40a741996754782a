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

/** One end of a connection, as the kernel tells it. */
export interface SocketName {
  readonly address: string
  readonly port: number
}

/** Reads above this make a stream use a private buffer, so that its bytes need no copy. */
const BULK_FROM = 8_192
const BULK_BELOW = 2_048

/**
 * A connected byte stream with one owner: a handle of libuv's (RawTransport) or a socket of node:net or node:tls
 * (SocketTransport) underneath. Cleartext streams read into one buffer per thread, which saves the 64 KiB allocation
 * per read that 'data' events cost: 2 to 4 µs of 20 per proxied request, and all buffer memory of idle connections.
 */
export abstract class Transport {
  owner: TransportOwner
  /** Bytes read from and handed to the kernel or to TLS. */
  bytesIn = 0
  bytesOut = 0
  /** Told once when it is closed, after the owner, whoever that is by then. */
  whenClosed: (() => void) | undefined
  /** True while this stream wants a private read buffer. */
  #bulk = false
  #buffer: Buffer | undefined
  /** Another stream's private buffer that a pending write of ours refers to. */
  #held: Buffer | undefined

  constructor(owner: TransportOwner) {
    this.owner = owner
  }

  /** True once closed, destroyed or broken: nothing more can be sent. */
  abstract get closed(): boolean
  /** True over TLS: `destroy` then closes without a goodbye (close_notify), which `end` sends. */
  abstract get secure(): boolean
  /** Bytes waiting in this process for the peer to read. */
  abstract get pending(): number
  /** Who is at the other end; undefined on a unix socket and once it is closed. A system call, once. */
  abstract get remote(): SocketName | undefined
  /** Where the peer connected to. */
  abstract get local(): SocketName | undefined

  /** Stops reading; what the kernel has then waits there. */
  abstract pause(): void
  abstract resume(): void
  /** What is sent until `uncork` goes out in one packet, as far as it fits. */
  abstract cork(): void
  abstract uncork(): void
  /** Sends FIN after what is pending. */
  abstract end(): void
  /** Closes both ways at once; what is pending is lost. `onClose` follows, with `error`. */
  abstract destroy(error?: Error): void
  /** Closes with RST, so that the peer knows that the message did not end well. TLS and unix sockets have none. */
  abstract reset(): void
  /** Has the kernel ask every `ms` whether an idle peer is still there. */
  abstract keepAlive(ms: number): void

  protected abstract writeText(text: string): boolean
  /** `bytes` stay untouched from now on. */
  protected abstract writeBytes(bytes: Uint8Array): boolean
  protected abstract writeBoth(text: string, bytes: Uint8Array): boolean

  /** Sends a latin1 string: the cheapest way for heads and small bodies. False: wait for `onDrain`. */
  sendText(text: string): boolean {
    this.bytesOut += text.length
    return this.writeText(text)
  }

  /** Sends bytes that stay untouched from now on. False: wait for `onDrain`. */
  sendOwned(bytes: Uint8Array): boolean {
    this.bytesOut += bytes.length
    return this.writeBytes(bytes)
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
    const flowing = this.writeBoth(text, bytes)
    this.#lend(source, buffer)
    return flowing
  }

  /** Where the next read goes. */
  protected readBuffer(): Buffer {
    return this.#bulk ? (this.#buffer ??= takeBulkBuffer() ?? sharedBuffer) : sharedBuffer
  }

  /** `bytes` were read into `buffer`. */
  protected received(bytes: number, buffer: Buffer): void {
    this.bytesIn += bytes
    if (bytes >= BULK_FROM) this.#bulk = true
    this.owner.onData(buffer, 0, bytes)
    // Only now: until here the owner may have lent the buffer to a pending write (see sendFrom).
    if (bytes < BULK_BELOW && this.#bulk) {
      this.#bulk = false
      this.#giveBuffer()
    }
  }

  /** All that was pending has gone to the kernel. */
  protected drained(): void {
    this.#reclaim()
    this.owner.onDrain()
  }

  /** The kernel has let go of it. */
  protected gone(error: NodeJS.ErrnoException | undefined): void {
    this.#giveBuffer()
    if (this.#held !== undefined) forgetBulkBuffer()
    this.#held = undefined
    this.owner.onClose(error)
    this.whenClosed?.()
  }

  // The kernel may not have taken all: then libuv goes on reading from the buffer, so its reader must not reuse it.
  #lend(source: Transport | undefined, buffer: Buffer): void {
    if (source === undefined || buffer !== source.#buffer || this.pending === 0) return
    source.#buffer = undefined
    if (this.#held === undefined) this.#held = buffer
    else forgetBulkBuffer()
  }

  #reclaim(): void {
    if (this.#held === undefined || this.pending > 0) return
    giveBulkBuffer(this.#held)
    this.#held = undefined
  }

  #giveBuffer(): void {
    const buffer = this.#buffer
    this.#buffer = undefined
    if (buffer !== undefined && buffer !== sharedBuffer) giveBulkBuffer(buffer)
  }
}

function copyOf(buffer: Buffer, start: number, end: number): Buffer {
  const copy = Buffer.allocUnsafe(end - start)
  buffer.copy(copy, 0, start, end)
  return copy
}
