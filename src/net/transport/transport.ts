import { contain, type Contained } from '../../core/containment.ts'
import { forgetBuffer, giveBuffer, keepBytes } from './kept-bytes.ts'
import type { TlsFacts } from '../tls/tls-facts.ts'
import { READ_AT, sharedBuffer } from './read-buffer.ts'

/**
 * Who hears from a Transport. Exactly one at a time; may be exchanged (an upgrade hands both sides to a splice). What one of
 * these throws is contained: `onInternalError` ends the owner, or where there is none the transport is reset.
 */
export interface TransportOwner extends Contained {
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
  /**
   * After a write that failed, what the peer sent before it broke off is still read, and `onClose` comes when there is no
   * more. For who passes on what comes; false: `onClose` comes at once.
   */
  readsOut = false
  /** From the pool of kept bytes, while a write that had to wait refers to it. */
  #kept: Buffer | undefined

  constructor(owner: TransportOwner) {
    this.owner = owner
  }

  /** True over TLS: `destroy` then closes without a goodbye (close_notify), which `end` sends. */
  get secure(): boolean {
    return false
  }

  /** What the handshake agreed on; undefined without TLS, and before it is done. */
  get tls(): TlsFacts | undefined {
    return undefined
  }

  /** True once closed, destroyed or broken: nothing more can be sent. */
  abstract get closed(): boolean
  /** What is sent while nothing is pending has been copied when the call returns, though it may be pending then. */
  get copiesAtOnce(): boolean {
    return false
  }

  /** Bytes waiting in this process for the peer to read. */
  abstract get pending(): number
  /** The peer's address; undefined on a unix socket and once it is closed. A system call, once. */
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

  /** Sends bytes of the current `onData`, copying only what the kernel does not take at once; bytes of any other buffer
   * stay untouched from now on. False: stop reading where they come from until `onDrain`. */
  sendFrom(buffer: Buffer, start: number, end: number): boolean {
    if (buffer !== sharedBuffer) return this.sendOwned(buffer.subarray(start, end))
    this.bytesOut += end - start
    const taken = this.pending === 0 ? this.writeNow(buffer, start, end) : 0
    return taken === end - start || this.writeBytes(this.#keep(buffer, start + taken, end))
  }

  /** `sendText` and `sendFrom` in one write. What stands in the read buffer before `start` is lost: it has been read. */
  sendTextAndBytes(text: string, buffer: Buffer, start: number, end: number): boolean {
    if (text === '') return this.sendFrom(buffer, start, end)
    if (buffer !== sharedBuffer) {
      this.bytesOut += text.length + end - start
      return this.writeBoth(text, buffer.subarray(start, end))
    }
    if (text.length > start) {
      this.sendText(text)
      return this.sendFrom(buffer, start, end)
    }
    const textStart = start - text.length
    buffer.write(text, textStart, 'latin1')
    return this.sendFrom(buffer, textStart, end)
  }

  /** What the kernel takes of the bytes at once; 0 where it cannot be asked. */
  protected writeNow(_buffer: Buffer, _start: number, _end: number): number {
    return 0
  }

  /** `bytes` were read into the shared buffer. */
  protected received(bytes: number): void {
    this.bytesIn += bytes
    this.tellData(sharedBuffer, READ_AT, READ_AT + bytes)
  }

  // The owner is told of everything through these, each of which contains what the owner throws.

  protected tellData(buffer: Buffer, start: number, end: number): void {
    try {
      this.owner.onData(buffer, start, end)
    } catch (error) {
      this.failed(error)
    }
  }

  protected tellEnd(): void {
    try {
      this.owner.onEnd()
    } catch (error) {
      this.failed(error)
    }
  }

  /** Also for who dials: a connection is there once TLS has shaken hands. */
  tellConnect(): void {
    try {
      this.owner.onConnect?.()
    } catch (error) {
      this.failed(error)
    }
  }

  /** Something of the owner threw: nobody else hears of it. Also for who accepts. */
  failed(error: unknown): void {
    if (!contain(error, this.owner)) this.reset()
  }

  /** All that was pending has gone to the kernel. */
  protected drained(): void {
    this.#reclaim()
    try {
      this.owner.onDrain()
    } catch (error) {
      this.failed(error)
    }
  }

  /** The kernel has let go of it. */
  protected gone(error: NodeJS.ErrnoException | undefined): void {
    if (this.#kept !== undefined) forgetBuffer()
    this.#kept = undefined
    try {
      this.owner.onClose(error)
    } catch (thrown) {
      contain(thrown, this.owner)
    }
    try {
      this.whenClosed?.()
    } catch (thrown) {
      contain(thrown)
    }
  }

  #keep(buffer: Buffer, start: number, end: number): Buffer {
    this.#reclaim()
    const { bytes, pooled } = keepBytes(buffer, start, end)
    if (pooled === undefined) return bytes
    if (this.#kept === undefined) this.#kept = pooled
    else forgetBuffer()
    return bytes
  }

  #reclaim(): void {
    if (this.#kept === undefined || this.pending > 0) return
    giveBuffer(this.#kept)
    this.#kept = undefined
  }
}
