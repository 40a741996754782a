import type { Counter } from '../../core/metrics/metrics.ts'
import { contain, type Contained } from '../../core/containment.ts'
import { writeLatin1 } from '../../core/latin1.ts'
import { forgetBuffer, giveBuffer, keepBytes } from './kept-bytes.ts'
import type { TlsFacts } from '../tls/tls-facts.ts'
import { READ_AT, sharedBuffer } from './read-buffer.ts'

/**
 * Receives the events of a Transport. There is exactly one at a time; it may be replaced (an upgrade gives both sides
 * to a splice). Exceptions are contained: `onInternalError` ends the owner, or without that method the transport is
 * reset.
 */
export interface TransportOwner extends Contained {
  /** Bytes `start..end` of `buffer` arrived. They are valid during the call only: copy, or pass to `sendFrom`. */
  onData(buffer: Buffer, start: number, end: number): void
  /** The peer's FIN: it will send no more, but may still read. */
  onEnd(): void
  /** The data for which `send` returned false has been passed to the kernel. May also come without that. */
  onDrain(): void
  /** Called once, last. `error` when the connection was lost (ECONNRESET, EPIPE …) or could not be opened. */
  onClose(error: NodeJS.ErrnoException | undefined): void
  /** The connection has been opened. */
  onConnect?(): void
}

/** Of a connection whose events interest nobody any more. */
export const nobody: TransportOwner = { onData() {}, onEnd() {}, onDrain() {}, onClose() {} }

/** One end of a connection, from the kernel. */
export interface SocketName {
  readonly address: string
  readonly port: number
}

/**
 * A connected byte stream with one owner: a handle of libuv (RawTransport) or a socket of node:net or node:tls
 * (SocketTransport) underneath. Clear-text streams read into one buffer per thread, which saves the 64 KiB allocation
 * per read that 'data' events cost: 2 to 4 µs of 20 per proxied request, and all buffer memory of idle connections.
 */
export abstract class Transport {
  owner: TransportOwner
  /** Bytes read from and passed to the kernel or TLS. */
  bytesIn = 0
  bytesOut = 0
  #countedIn = 0
  #countedOut = 0
  /** Called once when it is closed, after the current owner. */
  whenClosed: (() => void) | undefined
  /**
   * After a failed write, what the peer sent before is still read, and `onClose` comes after that. For owners that pass
   * data on; false: `onClose` comes at once.
   */
  readsOut = false
  /** From the pool of kept bytes, while a pending write refers to it. */
  #kept: Buffer | undefined

  constructor(owner: TransportOwner) {
    this.owner = owner
  }

  /** Adds the bytes that passed since the last call to `counters`: once per exchange, not once per read. */
  countBytes(counters: { readonly bytesIn: Counter; readonly bytesOut: Counter }): void {
    const { bytesIn, bytesOut } = this
    counters.bytesIn.add(bytesIn - this.#countedIn)
    counters.bytesOut.add(bytesOut - this.#countedOut)
    this.#countedIn = bytesIn
    this.#countedOut = bytesOut
  }

  /** True with TLS: `destroy` closes without close_notify, which `end` sends. */
  get secure(): boolean {
    return false
  }

  /** The result of the handshake; undefined without TLS, and before it is done. */
  get tls(): TlsFacts | undefined {
    return undefined
  }

  /** True once closed, destroyed or reset: nothing more can be sent. */
  abstract get closed(): boolean
  /** Data sent while nothing is pending has been copied when the call returns, even if it is pending then. */
  get copiesAtOnce(): boolean {
    return false
  }

  /**
   * Even a small body that stands in `buffer` is best sent from there, with its head before it, from `start` on: with TLS
   * that saves two strings and a copy. In clear text the system call is cheaper with one string.
   */
  joins(buffer: Buffer, start: number): boolean {
    return this.copiesAtOnce && buffer === sharedBuffer && start >= 0
  }

  /** Bytes waiting in this process to be sent. */
  abstract get pending(): number
  /** The peer's address; undefined on a unix socket and once it is closed. A system call, once. */
  abstract get remote(): SocketName | undefined
  /** The address that the peer connected to. */
  abstract get local(): SocketName | undefined

  /** Stops reading; later data waits in the kernel. */
  abstract pause(): void
  abstract resume(): void
  /** Data sent until `uncork` is sent in as few packets as possible. */
  abstract cork(): void
  abstract uncork(): void
  /** Sends FIN after the pending data. */
  abstract end(): void
  /** Closes both directions at once; pending data is lost. `onClose` follows, with `error`. */
  abstract destroy(error?: Error): void
  /** Closes with RST, so that the peer knows that the message is incomplete. TLS and unix sockets have no reset. */
  abstract reset(): void
  /** Makes the kernel probe an idle peer every `ms`. */
  abstract keepAlive(ms: number): void

  protected abstract writeText(text: string): boolean
  /** `bytes` must stay untouched from now on. */
  protected abstract writeBytes(bytes: Uint8Array): boolean
  protected abstract writeBoth(text: string, bytes: Uint8Array): boolean

  /** Sends a latin1 string: the cheapest way for heads and small bodies. False: wait for `onDrain`. */
  sendText(text: string): boolean {
    this.bytesOut += text.length
    return this.writeText(text)
  }

  /** Sends bytes that must stay untouched from now on. False: wait for `onDrain`. */
  sendOwned(bytes: Uint8Array): boolean {
    this.bytesOut += bytes.length
    return this.writeBytes(bytes)
  }

  /**
   * Sends bytes of the current `onData`, copying only what the kernel does not accept at once; bytes of any other
   * buffer must stay untouched from now on. False: stop reading their source until `onDrain`.
   */
  sendFrom(buffer: Buffer, start: number, end: number): boolean {
    if (buffer !== sharedBuffer) return this.sendOwned(buffer.subarray(start, end))
    this.bytesOut += end - start
    const taken = this.pending === 0 ? this.writeNow(buffer, start, end) : 0
    return taken === end - start || this.writeBytes(this.#keep(buffer, start + taken, end))
  }

  /**
   * `sendText` and `sendFrom` in one write. The bytes before `start` in the read buffer are overwritten: they have been
   * read.
   */
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
    writeLatin1(buffer, text, textStart)
    return this.sendFrom(buffer, textStart, end)
  }

  /** How many of the bytes the kernel accepts at once; 0 where it cannot be asked. */
  protected writeNow(_buffer: Buffer, _start: number, _end: number): number {
    return 0
  }

  /** `bytes` were read into the shared buffer. */
  protected received(bytes: number): void {
    this.bytesIn += bytes
    this.tellData(sharedBuffer, READ_AT, READ_AT + bytes)
  }

  // The owner gets all events through these methods, each of which contains its exceptions.

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

  /** Also for raw-dial.ts: a connection is open once TLS has finished its handshake. */
  tellConnect(): void {
    try {
      this.owner.onConnect?.()
    } catch (error) {
      this.failed(error)
    }
  }

  /** The owner threw: no other connection is affected. Also used for accepted connections. */
  failed(error: unknown): void {
    if (!contain(error, this.owner)) this.reset()
  }

  /** All pending data has been passed to the kernel. */
  protected drained(): void {
    this.#reclaim()
    try {
      this.owner.onDrain()
    } catch (error) {
      this.failed(error)
    }
  }

  /** The kernel has closed it. */
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
