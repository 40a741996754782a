import { writeLatin1 } from '../../core/latin1.ts'
import { contain, guarded } from '../../core/containment.ts'
import type { TlsHandle } from '../tls/raw-tls.ts'
import { UV_ECONNRESET, rawStreams, type RawWrite } from './raw-streams.ts'

/**
 * Up to this many bytes, records are small enough for three packets: the client need not wait for 16 KiB to read the
 * first byte.
 */
const SMALL_RECORDS_UNTIL = 65_536
const SMALL_RECORD = 4_096
const FULL_RECORD = 16_384

/** Texts up to this length are written here first: by `writeLatin1String` the handle would allocate memory for each. */
const TEXT_BYTES = 16_384
const textBuffer = Buffer.allocUnsafeSlow(TEXT_BYTES)

/** Called for each finished write, and with a negative status of libuv for one that could not be started. */
export type Written = (status: number) => void

/**
 * Writes through TLS. The handle takes one write at a time and always reports it as pending, mostly until the end of
 * the turn: bytes that come meanwhile are gathered and sent in one write, in as few records as possible. The bytes of a
 * write have been encrypted, which is a copy, when the call returns.
 */
export class TlsWrites {
  readonly #tls: TlsHandle
  readonly #written: Written
  /** Bytes of the current write; -1: none. */
  #writing = -1
  #waiting: Uint8Array[] = []
  #waitingBytes = 0
  #corked = false
  #total = 0
  #smallRecords = true
  /**
   * Requests for reuse: creating one takes 0.4 µs. C++ releases one after its callback has returned, so the last one is
   * not ready before the next callback.
   */
  #spare: RawWrite | undefined
  #toldLast: RawWrite | undefined

  constructor(tls: TlsHandle, written: Written) {
    this.#tls = tls
    this.#written = written
    tls.setMaxSendFragment(SMALL_RECORD)
  }

  get pending(): number {
    return (this.#writing > 0 ? this.#writing : 0) + this.#waitingBytes
  }

  /** No write is before it: bytes of a read may be passed without a copy. */
  get free(): boolean {
    return this.#writing < 0 && !this.#corked && this.#waitingBytes === 0
  }

  cork(): void {
    this.#corked = true
  }

  uncork(): void {
    this.#corked = false
    this.#flush()
  }

  text(text: string): void {
    if (!this.free) return this.bytes(Buffer.from(text, 'latin1'))
    if (text.length > TEXT_BYTES) this.#write(Buffer.from(text, 'latin1'))
    else if (text !== '') this.#write(textBuffer.subarray(0, writeLatin1(textBuffer, text, 0)))
  }

  /** `bytes` must stay untouched if other writes come first. */
  bytes(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    if (this.free) return this.#write(bytes)
    this.#waiting.push(bytes)
    this.#waitingBytes += bytes.length
  }

  both(text: string, bytes: Uint8Array): void {
    if (!this.free) {
      this.text(text)
      return this.bytes(bytes)
    }
    const request = this.#request(text.length + bytes.length)
    this.#issued(this.#tls.writev(request, [text, 'latin1', bytes, 'buffer'], false))
  }

  /** Internal: the current write is done. */
  completed(request: RawWrite, status: number): void {
    this.#writing = -1
    this.#spare = this.#toldLast
    this.#toldLast = request
    if (status === 0) this.#flush()
    this.#written(status)
  }

  /** Internal: the current write will not be reported. */
  broken(): void {
    this.#writing = -1
    this.#written(UV_ECONNRESET)
  }

  /** Drops what waits: the peer is gone. */
  drop(): void {
    this.#waiting = []
    this.#waitingBytes = 0
    this.#corked = true
  }

  #flush(): void {
    if (this.#corked || this.#writing >= 0 || this.#waitingBytes === 0) return
    const chunks = this.#waiting
    this.#waiting = []
    this.#waitingBytes = 0
    this.#write(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks))
  }

  #write(bytes: Uint8Array): void {
    this.#issued(this.#tls.writeBuffer(this.#request(bytes.length), bytes))
  }

  #request(size: number): RawWrite {
    this.#total += size
    if (this.#smallRecords && this.#total > SMALL_RECORDS_UNTIL) {
      this.#smallRecords = false
      this.#tls.setMaxSendFragment(FULL_RECORD)
    }
    this.#writing = size
    const spare = this.#spare
    if (spare !== undefined) {
      this.#spare = undefined
      return spare
    }
    const request = rawStreams!.newWrite()
    request.lbOwner = this
    request.oncomplete = onComplete
    return request
  }

  #issued(status: number): void {
    if (status === 0) return
    this.#writing = -1
    this.#written(status)
  }
}

// One function for all writes instead of a closure for each.
function onComplete(this: RawWrite, status: number): void {
  const writes = this.lbOwner as TlsWrites
  try {
    writes.completed(this, status)
  } catch (error) {
    contain(error)
    guarded(() => writes.broken())
  }
}
