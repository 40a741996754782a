import { Transport, type SocketName, type TransportOwner } from '../../../../src/net/transport/transport.ts'
import { TlsWrites } from '../../../../src/net/transport/tls-writes.ts'
import type { TlsHandle } from '../../../../src/net/tls/raw-tls.ts'
import type { RawWrite } from '../../../../src/net/transport/raw-streams.ts'

/** A transport without a socket, whose writes complete when the test says so. */
export abstract class FakeTransport extends Transport {
  closed = false
  paused = false
  readonly remote: SocketName = { address: '127.0.0.1', port: 1 }
  readonly local: SocketName = { address: '127.0.0.1', port: 2 }
  /** What the peer gets. */
  readonly #deliver: (bytes: Buffer) => void

  constructor(owner: TransportOwner, deliver: (bytes: Buffer) => void) {
    super(owner)
    this.#deliver = deliver
  }

  /** The write that waits is done. False: there was none. */
  abstract complete(): boolean

  /** `bytes` as they are now: who changes them too early is found out by the peer. */
  protected deliver(bytes: Uint8Array): void {
    this.#deliver(Buffer.from(bytes))
  }

  pause(): void {
    this.paused = true
  }

  resume(): void {
    this.paused = false
  }

  cork(): void {}
  uncork(): void {}

  end(): void {
    this.closed = true
  }

  destroy(): void {
    this.closed = true
  }

  reset(): void {
    this.closed = true
  }

  keepAlive(): void {}

  protected writeText(text: string): boolean {
    return this.writeBytes(Buffer.from(text, 'latin1'))
  }

  protected writeBoth(text: string, bytes: Uint8Array): boolean {
    return this.writeBytes(Buffer.concat([Buffer.from(text, 'latin1'), bytes]))
  }
}

/** As TlsTransport over a handle: encrypts at once, one write at a time, each of which waits. */
class FakeTls extends FakeTransport {
  readonly #writes: TlsWrites
  #writing: { readonly request: RawWrite; readonly bytes: Buffer } | undefined
  #drains = false

  constructor(owner: TransportOwner, deliver: (bytes: Buffer) => void) {
    super(owner, deliver)
    const handle = {
      setMaxSendFragment() {},
      writeBuffer: (request: RawWrite, bytes: Uint8Array) => this.#begin(request, bytes)
    }
    this.#writes = new TlsWrites(handle as unknown as TlsHandle, () => this.#written())
  }

  override get copiesAtOnce(): boolean {
    return true
  }

  get pending(): number {
    return this.#writes.pending
  }

  complete(): boolean {
    const writing = this.#writing
    if (writing === undefined) return false
    this.#writing = undefined
    this.deliver(writing.bytes)
    writing.request.oncomplete!.call(writing.request, 0)
    return true
  }

  protected writeBytes(bytes: Uint8Array): boolean {
    if (!this.#writes.free) this.#drains = true
    this.#writes.bytes(bytes)
    if (this.#writes.pending < 131_072) return true
    this.#drains = true
    return false
  }

  #begin(request: RawWrite, bytes: Uint8Array): number {
    if (this.#writing !== undefined) throw new Error('a second write while one is under way ends the process')
    this.#writing = { request, bytes: Buffer.from(bytes) }
    return 0
  }

  #written(): void {
    const { pending } = this.#writes
    if (!this.#drains || pending >= 131_072) return
    if (pending === 0) this.#drains = false
    this.drained()
  }
}

/** The kernel takes this many bytes that nobody has read. */
const KERNEL_BYTES = 100_000

/** As RawTransport: the kernel takes what it has room for, and libuv keeps a reference to the rest. */
class FakeRaw extends FakeTransport {
  #kernel: Buffer[] = []
  #kernelBytes = 0
  #waiting: Uint8Array[] = []
  pending = 0

  complete(): boolean {
    if (this.#kernelBytes === 0 && this.pending === 0) return false
    for (const bytes of this.#kernel.splice(0)) this.deliver(bytes)
    this.#kernelBytes = 0
    const { pending } = this
    for (const bytes of this.#waiting.splice(0)) this.deliver(bytes)
    this.pending = 0
    if (pending > 0) this.drained()
    return true
  }

  protected writeBytes(bytes: Uint8Array): boolean {
    if (this.pending === 0 && this.#kernelBytes + bytes.length <= KERNEL_BYTES) {
      this.#kernel.push(Buffer.from(bytes))
      this.#kernelBytes += bytes.length
      return true
    }
    this.#waiting.push(bytes)
    this.pending += bytes.length
    return false
  }
}

/** As a socket of Node: a little waits without a word, and 'drain' comes only to who was told to wait. */
class FakeSocket extends FakeTransport {
  #waiting: Uint8Array[] = []
  #needsDrain = false
  pending = 0

  complete(): boolean {
    if (this.pending === 0) return false
    for (const bytes of this.#waiting.splice(0)) this.deliver(bytes)
    this.pending = 0
    const drains = this.#needsDrain
    this.#needsDrain = false
    if (drains) this.drained()
    return true
  }

  protected writeBytes(bytes: Uint8Array): boolean {
    this.#waiting.push(bytes)
    this.pending += bytes.length
    if (this.pending < 65_536) return true
    this.#needsDrain = true
    return false
  }
}

export const fakeTransports = { tls: FakeTls, raw: FakeRaw, sockets: FakeSocket }
export type TransportKind = keyof typeof fakeTransports
