import { contain } from '../../../../core/containment.ts'
import type { ByteStream } from '../../../../net/transport/byte-stream.ts'
import {
  nobody,
  type SocketName,
  type Transport,
  type TransportOwner
} from '../../../../net/transport/transport.ts'
import { CANCEL, errorName } from '../../frames/codes.ts'
import type { Session } from '../session.ts'
import type { ClosedBy, Stream, StreamHandler } from './stream.ts'

/** The connection that carries the byte stream. */
export interface Carrier {
  readonly session: Session
  readonly transport: Transport
  wake(): void
}

/** A stream as a tunnel with two directions (RFC 8441): END_STREAM acts as FIN, RST_STREAM as a reset. */
export class StreamBytes implements ByteStream, StreamHandler {
  owner: TransportOwner = nobody
  readsOut = false
  bytesOut = 0
  readonly #carrier: Carrier
  readonly #stream: Stream
  #closed = false
  /** Everything has been received and delivered; both ends have been sent and received. */
  #readOut = false
  #finished = false

  constructor(carrier: Carrier, stream: Stream) {
    this.#carrier = carrier
    this.#stream = stream
    stream.tunnel = true
    stream.contentLeft = -1
    stream.handler = this
    carrier.session.hold(stream)
  }

  get closed(): boolean {
    return this.#closed
  }

  get pending(): number {
    return this.#stream.pendingBytes
  }

  get remote(): SocketName | undefined {
    return this.#carrier.transport.remote
  }

  pause(): void {
    this.#carrier.session.hold(this.#stream)
  }

  resume(): void {
    if (!this.#closed) this.#carrier.session.flow(this.#stream)
  }

  end(): void {
    if (this.#closed) return
    this.#carrier.session.end(this.#stream, '')
    this.#carrier.wake()
  }

  destroy(error?: Error): void {
    if (this.#closed) return
    this.#carrier.session.leave(this.#stream, CANCEL)
    this.#close(error)
  }

  reset(): void {
    this.destroy()
  }

  sendOwned(bytes: Uint8Array): boolean {
    const whole = Buffer.isBuffer(bytes)
      ? bytes
      : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    return this.#send(whole, 0, whole.length, true)
  }

  sendFrom(buffer: Buffer, start: number, end: number): boolean {
    return this.#send(buffer, start, end, false)
  }

  #send(buffer: Buffer, start: number, end: number, owned: boolean): boolean {
    if (this.#closed) return true
    const { session } = this.#carrier
    this.bytesOut += end - start
    session.send(this.#stream, buffer, start, end, owned)
    this.#carrier.wake()
    return session.sender.flowing(this.#stream)
  }

  // Called by the session (StreamHandler).

  onData(buffer: Buffer, start: number, end: number): void {
    this.#tell(() => this.owner.onData(buffer, start, end))
  }

  onDataEnd(): void {
    this.#readOut = true
    this.#tell(() => this.owner.onEnd())
    this.#settle()
  }

  onReadDone(): void {}

  onDrain(): void {
    this.#tell(() => this.owner.onDrain())
  }

  onFinished(): void {
    this.#finished = true
    this.#settle()
  }

  onClosed(code: number, by: ClosedBy): void {
    this.#finished = true
    const error: NodeJS.ErrnoException = new Error(`${by}: ${errorName(code)}`)
    error.code = 'ECONNRESET'
    this.#close(error)
  }

  #settle(): void {
    if (this.#readOut && this.#finished) this.#close(undefined)
  }

  /** Reported later, as a transport does: the caller that closes it has not finished yet. */
  #close(error: NodeJS.ErrnoException | undefined): void {
    if (this.#closed) return
    this.#closed = true
    process.nextTick(() => this.#tell(() => this.owner.onClose(error)))
  }

  #tell(tell: () => void): void {
    try {
      tell()
    } catch (error) {
      if (!contain(error, this.owner)) this.destroy()
    }
  }
}
