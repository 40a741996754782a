import { writeSync } from 'node:fs'
import { getSystemErrorName } from 'node:util'
import { readArea } from './read-buffer.ts'
import { rawStreams, UV_EOF, type RawHandle, type RawRequest, type RawWrite } from './raw-streams.ts'
import { Transport, type SocketName, type TransportOwner } from './transport.ts'

/** With less than this waiting, more may be sent at once; as for a net.Socket. */
const HIGH_WATER = 65_536

/** Used again by the next write of this thread: the kernel takes most writes at once, and then nothing refers to it. */
let spare: RawWrite | undefined

/** Over a handle of libuv's, without the net.Socket that would be between (see raw-streams.ts). TCP, cleartext. */
export class RawTransport extends Transport {
  readonly #handle: RawHandle
  #reading = false
  #paused = false
  #connecting: boolean
  /** The peer's FIN has come. */
  #ended = false
  /** `end` was called; our FIN is on its way; it is out. */
  #ending = false
  #shutting = false
  #finished = false
  #closing = false
  #pending = 0
  #corked: Uint8Array[] | undefined
  #error: NodeJS.ErrnoException | undefined
  #remote: SocketName | undefined
  #local: SocketName | undefined

  private constructor(handle: RawHandle, owner: TransportOwner, connecting: boolean) {
    super(owner)
    this.#handle = handle
    this.#connecting = connecting
    handle.lbOwner = this
    handle.onread = onRead
    handle.useUserBuffer(readArea)
    if (!connecting) this.#read()
  }

  /** Takes an accepted connection over. */
  static accepted(handle: RawHandle, owner: TransportOwner): RawTransport {
    return new RawTransport(handle, owner, false)
  }

  /** Connects to an IP address; `owner.onConnect` or `owner.onClose` follows. */
  static dialled(owner: TransportOwner, address: string, port: number, keepAliveMs: number): RawTransport {
    const transport = new RawTransport(rawStreams!.newTcp(), owner, true)
    const request = rawStreams!.newConnect()
    request.oncomplete = (status) => transport.#connected(status, keepAliveMs)
    const handle = transport.#handle
    const status = address.includes(':')
      ? handle.connect6!(request, address, port)
      : handle.connect!(request, address, port)
    if (status !== 0) transport.#fail('connect', status)
    return transport
  }

  get closed(): boolean {
    return this.#closing
  }

  get secure(): boolean {
    return false
  }

  get pending(): number {
    return this.#pending
  }

  get remote(): SocketName | undefined {
    return (this.#remote ??= this.#closing ? undefined : nameFrom((out) => this.#handle.getpeername?.(out)))
  }

  get local(): SocketName | undefined {
    return (this.#local ??= this.#closing ? undefined : nameFrom((out) => this.#handle.getsockname?.(out)))
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
    // Whoever was told to wait hears of it, even where nothing had to wait in the end.
    if (all.length >= HIGH_WATER && this.#pending === 0) process.nextTick(() => this.completed(0, 0))
  }

  end(): void {
    if (this.#ending || this.#closing) return
    this.uncork()
    this.#ending = true
    if (!this.#connecting) this.#finish()
  }

  destroy(error?: Error): void {
    if (this.#closing) return
    this.#closing = true
    this.#error = error
    this.#handle.close(() => this.gone(this.#error))
  }

  reset(): void {
    if (this.#closing) return
    // libuv refuses it in the turn between FIN asked for and FIN sent, and Node then never closes the handle. All has
    // been written by then, so an orderly close is true.
    const status =
      this.#connecting || this.#shutting ? -1 : this.#handle.reset?.(() => this.gone(this.#error))
    if (status === 0) this.#closing = true
    else this.destroy()
  }

  keepAlive(ms: number): void {
    if (!this.#closing) this.#handle.setKeepAlive?.(true, Math.round(ms / 1e3))
  }

  protected writeText(text: string): boolean {
    if (this.#corked !== undefined || this.#connecting) return this.writeBytes(Buffer.from(text, 'latin1'))
    if (this.#ending || this.#closing) return true
    const request = takeRequest()
    return this.#written(request, this.#handle.writeLatin1String(request, text), text, text.length)
  }

  protected writeBytes(bytes: Uint8Array): boolean {
    if (this.#ending || this.#closing) return true
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
    if (this.#ending || this.#closing) return true
    const request = takeRequest()
    const status = this.#handle.writev(request, [text, 'latin1', bytes, 'buffer'], false)
    return this.#written(request, status, bytes, text.length + bytes.length)
  }

  // A write through libuv would keep a reference to the bytes that the kernel does not take, and they are in the buffer
  // that everybody reads into. Asked directly, the kernel tells how much it took, and only the rest is copied.
  protected override writeNow(buffer: Buffer, start: number, end: number): number {
    const { fd } = this.#handle
    if (fd < 0 || this.#corked !== undefined || this.#connecting || this.#ending || this.#closing) return 0
    try {
      return writeSync(fd, buffer, start, end - start)
    } catch (error) {
      const { code, errno } = error as NodeJS.ErrnoException
      if (code !== 'EAGAIN') this.#fail('write', errno!)
      return 0
    }
  }

  #written(request: RawWrite, status: number, bytes: unknown, size: number): boolean {
    if (status !== 0) {
      this.#fail('write', status)
      return true
    }
    if (!rawStreams!.lastWriteWaits()) {
      spare = request
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
    if (this.#closing) return
    if (status < 0) this.#fail('write', status)
    else if (this.#pending === 0) {
      this.drained()
      if (this.#ending) this.#finish()
    }
  }

  /** Internal: libuv has read, or cannot any more. */
  readDone(): void {
    const result = rawStreams!.readResult()
    if (result === 0 || this.#closing) return
    if (result > 0) return this.received(result)
    this.#reading = false
    if (result !== UV_EOF) return this.#fail('read', result)
    this.#ended = true
    this.owner.onEnd()
    if (this.#finished) this.destroy()
  }

  /** Internal: our FIN is out. */
  shutDone(status: number): void {
    this.#shutting = false
    this.#finished = true
    if (this.#closing) return
    if (status < 0) this.#fail('shutdown', status)
    else if (this.#ended) this.destroy()
  }

  #connected(status: number, keepAliveMs: number): void {
    if (this.#closing) return
    if (status < 0) return this.#fail('connect', status)
    this.#connecting = false
    this.#handle.setNoDelay?.(true)
    if (keepAliveMs > 0) this.keepAlive(keepAliveMs)
    if (!this.#paused) this.#read()
    this.uncork()
    if (this.#ending) this.#finish()
    this.owner.onConnect?.()
  }

  #read(): void {
    if (this.#reading || this.#ended || this.#closing || this.#connecting) return
    this.#reading = true
    const status = this.#handle.readStart()
    if (status !== 0) this.#fail('read', status)
  }

  #finish(): void {
    // The FIN waits here, not in libuv, for what is pending: so a reset is possible until all is written.
    if (this.#pending > 0 || this.#shutting || this.#finished || this.#closing) return
    // Both have said all: closing sends the FIN too, for half the system calls of shutdown and close.
    if (this.#ended) return this.destroy()
    this.#shutting = true
    const request = rawStreams!.newShutdown()
    request.lbOwner = this
    request.oncomplete = onShutdown
    const status = this.#handle.shutdown(request)
    if (status !== 0) this.#fail('shutdown', status)
  }

  #fail(call: string, status: number): void {
    const code = getSystemErrorName(status)
    const error = new Error(`${call} ${code}`)
    this.destroy(Object.assign(error, { code, errno: status, syscall: call }))
  }
}

// One function for all streams instead of closures for each.

function onRead(this: RawHandle): void {
  ;(this.lbOwner as RawTransport).readDone()
}

function onWritten(this: RawWrite, status: number): void {
  const transport = this.lbOwner as RawTransport
  this.lbBytes = undefined
  transport.completed(this.lbSize!, status)
}

function onShutdown(this: RawRequest, status: number): void {
  ;(this.lbOwner as RawTransport).shutDone(status)
}

function takeRequest(): RawWrite {
  const request = spare
  if (request === undefined) return rawStreams!.newWrite()
  spare = undefined
  return request
}

function nameFrom(ask: (out: object) => number | undefined): SocketName | undefined {
  const out: { address?: string; port?: number } = {}
  if (ask(out) !== 0 || out.address === undefined || out.port === undefined) return undefined
  return { address: out.address, port: out.port }
}
