import {
  failure,
  isGone,
  nameFrom,
  reuseRequest,
  takeRequest,
  UV_ECONNRESET,
  onRead,
  onShutdown,
  onWritten,
  rawStreams,
  UV_EOF,
  type RawHandle,
  type RawWrite
} from './raw-streams.ts'
import { backendArea, readArea } from './read-buffer.ts'
import { Transport, type SocketName, type TransportOwner } from './transport.ts'
import { writeAtOnce } from './write-at-once.ts'

/** Below this many waiting bytes more may be sent; the same value as for a net.Socket. */
const HIGH_WATER = 65_536

/** The handle that read last. */
let lastRead: RawHandle | undefined

/** A handle of libuv without a net.Socket around it (see raw-streams.ts). TCP, clear text. */
export class RawTransport extends Transport {
  /** Cancels a connect while there is no handle yet. */
  dialling: { cancel(): void } | undefined
  #handle!: RawHandle
  #reading = false
  #paused = false
  #connecting: boolean
  /** The peer's FIN has come; `end` was called; our FIN is being sent; it has been sent. */
  #ended = false
  #ending = false
  #shutting = false
  #finished = false
  #closing = false
  #pending = 0
  #corked: Uint8Array[] | undefined
  #error: NodeJS.ErrnoException | undefined
  /** A write failed; what the peer sent before is still read. */
  #broken: NodeJS.ErrnoException | undefined
  #remote: SocketName | undefined
  #local: SocketName | undefined

  private constructor(owner: TransportOwner, connecting: boolean) {
    super(owner)
    this.#connecting = connecting
  }

  static accepted(handle: RawHandle, owner: TransportOwner): RawTransport {
    const transport = new RawTransport(owner, false)
    transport.adopt(handle)
    transport.#read()
    return transport
  }

  /** A connection to be opened (raw-dial.ts); `owner.onConnect` or `owner.onClose` follows. */
  static toBeDialled(owner: TransportOwner): RawTransport {
    return new RawTransport(owner, true)
  }

  /** Internal, for raw-dial.ts: this handle is connected, or will be. `connected` follows. */
  adopt(handle: RawHandle): void {
    this.#handle = handle
    handle.lbOwner = this
    handle.onread = onRead
    handle.useUserBuffer(this.#connecting ? backendArea : readArea)
  }

  get closed(): boolean {
    return this.#closing
  }

  get pending(): number {
    return this.#pending
  }

  get remote(): SocketName | undefined {
    return (this.#remote ??= this.#closing ? undefined : nameFrom((out) => this.#handle?.getpeername?.(out)))
  }

  get local(): SocketName | undefined {
    return (this.#local ??= this.#closing ? undefined : nameFrom((out) => this.#handle?.getsockname?.(out)))
  }

  pause(): void {
    this.#paused = true
    if (!this.#reading) return
    this.#reading = false
    this.#handle.readStop()
  }

  resume(): void {
    this.#paused = false
    this.#read()
  }

  cork(): void {
    this.#corked ??= []
  }

  uncork(): void {
    if (this.#connecting) return
    const bytes = this.#corked
    this.#corked = undefined
    if (bytes === undefined || bytes.length === 0 || this.#closing) return
    const all = bytes.length === 1 ? bytes[0]! : Buffer.concat(bytes)
    this.#pending -= all.length
    const request = takeRequest()
    this.#written(request, this.#handle.writeBuffer(request, all), all, all.length)
    // A caller that was told to wait gets `onDrain`, even if nothing had to wait in the end.
    if (all.length >= HIGH_WATER && this.#pending === 0) process.nextTick(() => this.completed(0, 0))
  }

  end(): void {
    if (this.#ending || this.#closing || this.#broken !== undefined) return
    this.uncork()
    this.#ending = true
    if (!this.#connecting) this.#finish()
  }

  destroy(error?: Error): void {
    if (this.#closing) return
    this.#closing = true
    this.#error = error
    if (this.#handle !== undefined) return this.#handle.close(() => this.gone(this.#error))
    this.dialling?.cancel()
    process.nextTick(() => this.gone(this.#error))
  }

  reset(): void {
    if (this.#closing) return
    // libuv refuses a reset while a FIN is being sent, and Node then never closes the handle. Everything has been
    // written by then, so an orderly close is right.
    const status =
      this.#connecting || this.#shutting ? -1 : this.#handle.reset?.(() => this.gone(this.#error))
    if (status === 0) this.#closing = true
    else this.destroy()
  }

  keepAlive(ms: number): void {
    if (!this.#closing) this.#handle.setKeepAlive?.(true, Math.round(ms / 1e3))
  }

  get reading(): boolean {
    return this.#reading
  }

  /** Gives the handle to TLS, still reading or paused: nothing has been written, and this transport reports no more events. */
  detach(): RawHandle {
    this.#closing = true
    return this.#handle
  }

  protected writeText(text: string): boolean {
    if (this.#corked !== undefined || this.#connecting) return this.writeBytes(Buffer.from(text, 'latin1'))
    if (this.#ending || this.#closing || this.#broken !== undefined) return this.#broken === undefined
    const request = takeRequest()
    return this.#written(request, this.#handle.writeLatin1String(request, text), text, text.length)
  }

  protected writeBytes(bytes: Uint8Array): boolean {
    // The peer is gone, so the caller need not produce more data.
    if (this.#ending || this.#closing || this.#broken !== undefined) return this.#broken === undefined
    if (this.#corked !== undefined || this.#connecting) {
      this.#corked ??= []
      this.#corked.push(bytes)
      this.#pending += bytes.length
      return this.#pending < HIGH_WATER
    }
    const request = takeRequest()
    return this.#written(request, this.#handle.writeBuffer(request, bytes), bytes, bytes.length)
  }

  protected writeBoth(text: string, bytes: Uint8Array): boolean {
    if (this.#corked !== undefined || this.#connecting) {
      this.writeText(text)
      return this.writeBytes(bytes)
    }
    if (this.#ending || this.#closing || this.#broken !== undefined) return this.#broken === undefined
    const request = takeRequest()
    const status = this.#handle.writev(request, [text, 'latin1', bytes, 'buffer'], false)
    return this.#written(request, status, bytes, text.length + bytes.length)
  }

  protected override writeNow(buffer: Buffer, start: number, end: number): number {
    const { fd } = this.#handle
    if (fd < 0 || this.#broken !== undefined || this.#corked !== undefined) return 0
    if (this.#connecting || this.#ending || this.#closing) return 0
    const taken = writeAtOnce(fd, buffer, start, end)
    if (taken >= 0) return taken
    this.#cannotSend('write', taken)
    return 0
  }

  #written(request: RawWrite, status: number, bytes: unknown, size: number): boolean {
    if (status !== 0) {
      this.#cannotSend('write', status)
      return this.#broken === undefined
    }
    if (!rawStreams!.lastWriteWaits()) {
      reuseRequest(request)
      return true
    }
    request.lbOwner = this
    request.lbBytes = bytes
    request.lbSize = size
    request.oncomplete = onWritten
    this.#pending += size
    return false
  }

  /** Internal: a write that had to wait is done. */
  completed(size: number, status: number): void {
    this.#pending -= size
    if (this.#closing || this.#broken !== undefined) return
    if (status < 0) this.#cannotSend('write', status)
    else if (this.#pending === 0) {
      this.drained()
      if (this.#ending) this.#finish()
    }
  }

  /** Internal: libuv has read, or cannot any more. */
  readDone(): void {
    const result = rawStreams!.readResult()
    if (result === 0 || this.#closing) return
    if (result > 0) {
      lastRead = this.#handle
      return this.received(result)
    }
    this.#reading = false
    const broken = this.#broken
    if (broken !== undefined) {
      // EPIPE: the peer's FIN had come before it refused data. Otherwise the connection was reset.
      if (result === UV_EOF && broken.code === 'EPIPE') this.#readEnd()
      this.destroy(broken)
    } else if (result !== UV_EOF) this.destroy(failure('read', result))
    // Checked only when the last read was this handle's, since such an end comes in the same turn.
    else if (lastRead === this.#handle && !this.#shutting && !this.#finished && isGone(this.#handle))
      this.destroy(failure('read', UV_ECONNRESET))
    else this.#readEnd()
  }

  #readEnd(): void {
    this.#ended = true
    this.tellEnd()
    if (this.#finished) this.destroy()
  }

  /** Internal: our FIN has been sent. */
  shutDone(status: number): void {
    this.#shutting = false
    this.#finished = true
    if (this.#closing) return
    if (status < 0) this.#cannotSend('shutdown', status)
    else if (this.#ended) this.destroy()
  }

  /** Internal, for raw-dial.ts: libuv's status. */
  connected(status: number): void {
    if (this.#closing) return
    if (status < 0) return this.destroy(failure('connect', status))
    this.#connecting = false
    this.#handle.setNoDelay?.(true)
    if (!this.#paused) this.#read()
    this.uncork()
    if (this.#ending) this.#finish()
    this.tellConnect()
  }

  #read(): void {
    if (this.#reading || this.#ended || this.#closing || this.#connecting) return
    this.#reading = true
    const status = this.#handle.readStart()
    if (status !== 0) this.destroy(failure('read', status))
  }

  #finish(): void {
    // The FIN waits here, not in libuv, for pending data, so that a reset is possible until everything is written.
    if (this.#pending > 0 || this.#shutting || this.#finished || this.#closing) return
    // Both sides have ended: closing sends the FIN too, with half the system calls of shutdown and close.
    if (this.#ended) return this.destroy()
    this.#shutting = true
    const request = rawStreams!.newShutdown()
    request.lbOwner = this
    request.oncomplete = onShutdown
    const status = this.#handle.shutdown(request)
    if (status !== 0) this.#cannotSend('shutdown', status)
  }

  #cannotSend(call: string, status: number): void {
    if (this.readsOut && !this.#ended) this.#broken = failure(call, status)
    else this.destroy(failure(call, status))
  }
}
