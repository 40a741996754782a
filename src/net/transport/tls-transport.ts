import type { RawTls, TlsHandle } from '../tls/raw-tls.ts'
import { factsOfHandle } from '../tls/read-facts.ts'
import { clientProblem, serverHandle, type ServerSide } from '../tls/server/server-side.ts'
import type { TlsFacts } from '../tls/tls-facts.ts'
import { readFirst } from '../tls/ticket-keys.ts'
import {
  failure,
  isGone,
  nameFrom,
  UV_ECONNRESET,
  rawStreams,
  UV_EOF,
  type RawHandle
} from './raw-streams.ts'
import { READ_AT, sharedBuffer } from './read-buffer.ts'
import { refuseClient, shutDown, tellEvents, type TlsEvents } from './tls-events.ts'
import { TlsWrites } from './tls-writes.ts'
import { Transport, type SocketName, type TransportOwner } from './transport.ts'

/** Less than a read of a backend: a write lasts until the end of the turn at least, and what is read meanwhile has to be copied. */
const HIGH_WATER = 65_536

/**
 * TLS on a handle of libuv, by OpenSSL as Node wraps it, without a TLSSocket: for accepted connections.
 * `owner.onConnect` follows once the handshake is done, `owner.onClose` if it fails. The handle has rules, each of
 * which crashes the process when it is broken: it must stay reachable from the TCP handle; one write at a time; no
 * exceptions into C++; it is destroyed only after the TCP handle has been closed.
 */
export class TlsTransport extends Transport implements TlsEvents {
  readonly #tcp: RawHandle
  readonly #tls: TlsHandle
  readonly #side: ServerSide
  readonly #writes: TlsWrites
  #facts: TlsFacts | undefined
  #reading = false
  #paused = false
  /** The peer's close_notify or FIN has come; `end` was called; our close_notify is being sent; it has been sent. */
  #ended = false
  #ending = false
  #shutting = false
  #finished = false
  #closing = false
  /** The owner waits for `onDrain`, or a pooled buffer has to be returned. */
  #drains = false
  /** Decrypted while the owner had paused; an `undefined` entry is the end. */
  #unread: (Buffer | undefined)[] = []
  #error: NodeJS.ErrnoException | undefined
  /** A write failed; what the peer sent before is still read. */
  #broken: NodeJS.ErrnoException | undefined
  #remote: SocketName | undefined
  #local: SocketName | undefined

  private constructor(tcp: RawHandle, tls: TlsHandle, side: ServerSide, owner: TransportOwner) {
    super(owner)
    this.#tcp = tcp
    this.#tls = tls
    this.#side = side
    tellEvents(tcp, tls, this)
    this.#writes = new TlsWrites(tls, (status) => this.#written(status))
  }

  /** The server's side on an accepted handle. `start` follows. */
  static accepted(
    raw: RawTls,
    tcp: RawHandle,
    side: ServerSide,
    owner: TransportOwner,
    remote: SocketName | undefined
  ): TlsTransport {
    const transport = new TlsTransport(tcp, serverHandle(raw, tcp, side), side, owner)
    transport.#remote = remote
    return transport
  }

  /** Begins with the bytes that have been read from the connection before. `reading`: libuv goes on to read it. */
  start(first: Uint8Array, reading: boolean): void {
    this.#reading = reading
    readFirst(this.#tls, first)
    this.#read()
  }

  override get secure(): boolean {
    return true
  }

  override get tls(): TlsFacts | undefined {
    return this.#facts
  }

  get closed(): boolean {
    return this.#closing
  }

  override get copiesAtOnce(): boolean {
    return true
  }

  get pending(): number {
    return this.#writes.pending
  }

  get remote(): SocketName | undefined {
    return (this.#remote ??= this.#closing ? undefined : nameFrom((out) => this.#tcp.getpeername?.(out)))
  }

  get local(): SocketName | undefined {
    return (this.#local ??= this.#closing ? undefined : nameFrom((out) => this.#tcp.getsockname?.(out)))
  }

  pause(): void {
    this.#paused = true
    if (!this.#reading) return
    this.#reading = false
    this.#tls.readStop()
  }

  resume(): void {
    if (!this.#paused) return
    this.#paused = false
    if (this.#unread.length === 0) this.#read()
    else process.nextTick(giveUnread, this)
  }

  cork(): void {
    this.#writes.cork()
  }

  uncork(): void {
    if (this.#open) this.#writes.uncork()
  }

  end(): void {
    if (!this.#open) return
    this.uncork()
    this.#ending = true
    this.#finish()
  }

  destroy(error?: Error): void {
    if (this.#closing) return
    this.#closing = true
    this.#reading = false
    this.#error = error
    this.#tcp.close(() => this.#closed())
  }

  reset(): void {
    if (this.#closing) return
    // As for TCP without TLS: libuv refuses it while a FIN is being sent.
    const status = this.#shutting ? -1 : this.#tcp.reset?.(() => this.#closed())
    if (status !== 0) return this.destroy()
    this.#closing = true
    this.#reading = false
  }

  keepAlive(ms: number): void {
    if (!this.#closing) this.#tcp.setKeepAlive?.(true, Math.round(ms / 1e3))
  }

  protected writeText(text: string): boolean {
    if (!this.#open) return this.#broken === undefined
    this.#writes.text(text)
    return this.#flowing()
  }

  protected writeBytes(bytes: Uint8Array): boolean {
    if (!this.#open) return this.#broken === undefined
    // A pooled buffer may be among the waiting bytes.
    if (!this.#writes.free) this.#drains = true
    this.#writes.bytes(bytes)
    return this.#flowing()
  }

  protected writeBoth(text: string, bytes: Uint8Array): boolean {
    if (!this.#open) return this.#broken === undefined
    this.#writes.both(text, bytes)
    return this.#flowing()
  }

  /** Accepts all bytes: a write encrypts at once, which is a copy. */
  protected override writeNow(buffer: Buffer, start: number, end: number): number {
    if (!this.#open || !this.#writes.free) return 0
    this.#writes.bytes(buffer.subarray(start, end))
    return end - start
  }

  /** Internal: decrypted bytes are in the shared buffer, or none will come any more. */
  readDone(): void {
    const result = rawStreams!.readResult()
    if (result === 0 || this.#closing) return
    if (result > 0) {
      // One read of the socket may contain several records, which arrive although reading has been stopped.
      if (!this.#paused && this.#unread.length === 0) return this.received(result)
      this.#unread.push(Buffer.from(sharedBuffer.subarray(READ_AT, READ_AT + result)))
      return
    }
    const broken = this.#broken
    if (broken !== undefined) {
      // EPIPE: the peer's FIN had come before it refused data. Otherwise the connection was reset.
      if (result === UV_EOF && broken.code === 'EPIPE') this.#readEnd()
      this.destroy(broken)
    } else if (result !== UV_EOF) this.destroy(failure('read', result))
    else if (this.#facts === undefined) this.destroy(failure('read', UV_ECONNRESET))
    else if (!this.#shutting && !this.#finished && isGone(this.#tcp))
      this.destroy(failure('read', UV_ECONNRESET))
    else if (!this.#paused && this.#unread.length === 0) this.#readEnd()
    else this.#unread.push(undefined)
  }

  /** Internal: reading continues. */
  giveUnread(): void {
    while (!this.#paused && !this.#closing && this.#unread.length > 0) {
      const bytes = this.#unread.shift()
      if (bytes === undefined) return this.#readEnd()
      this.bytesIn += bytes.length
      this.tellData(bytes, 0, bytes.length)
    }
    if (!this.#paused) this.#read()
  }

  /** Internal: the handshake is done. */
  shaken(): void {
    // TLS 1.3 may report it again.
    if (this.#closing || this.#facts !== undefined) return
    const { clientAuth, tellsClient } = this.#side
    const problem = clientProblem(this.#tls, this.#side)
    const refused = clientAuth?.required === true ? problem : undefined
    if (refused !== undefined && !tellsClient) return refuseClient(this.#tcp, this.#tls, refused)
    this.#facts = factsOfHandle(this.#tls, clientAuth !== undefined && problem === undefined, refused)
    this.tellConnect()
  }

  #written(status: number): void {
    if (this.#closing || this.#broken !== undefined) return
    if (status < 0) return this.#cannotSend('write', status)
    const { pending } = this.#writes
    if (this.#drains && pending < HIGH_WATER) {
      if (pending === 0) this.#drains = false
      this.drained()
    }
    if (this.#ending) this.#finish()
  }

  /** Internal: our close_notify has been sent. */
  shutDone(status: number): void {
    this.#shutting = false
    this.#finished = true
    if (this.#closing) return
    if (status < 0) this.#cannotSend('shutdown', status)
    else if (this.#ended) this.destroy()
  }

  get #open(): boolean {
    return !this.#ending && !this.#closing && this.#broken === undefined
  }

  #read(): void {
    if (this.#reading || this.#ended || this.#closing) return
    this.#reading = true
    const status = this.#tls.readStart()
    if (status !== 0) this.destroy(failure('read', status))
  }

  #readEnd(): void {
    this.#ended = true
    this.tellEnd()
    if (this.#finished) this.destroy()
  }

  #flowing(): boolean {
    if (this.#broken !== undefined) return false
    if (this.#writes.pending < HIGH_WATER) return true
    this.#drains = true
    return false
  }

  #finish(): void {
    if (this.#writes.pending > 0 || this.#shutting || this.#finished || this.#closing) return
    this.#shutting = true
    const status = shutDown(this.#tls, this)
    if (status !== 0) this.#cannotSend('shutdown', status)
  }

  #cannotSend(call: string, status: number): void {
    this.#writes.drop()
    if (this.readsOut && !this.#ended && this.#facts !== undefined) this.#broken = failure(call, status)
    else this.destroy(failure(call, status))
  }

  #closed(): void {
    this.#tls.destroySSL()
    this.#unread = []
    this.#writes.drop()
    this.gone(this.#error)
  }
}

function giveUnread(transport: TlsTransport): void {
  transport.giveUnread()
}
