import { contain, guarded } from '../../core/containment.ts'
import type { TlsHandle } from '../tls/raw-tls.ts'
import { UV_ECONNRESET, rawStreams, type RawWrite } from './raw-streams.ts'

/** Until a client has so much, records fit into three packets: it need not wait for 16 KiB to read the first byte. */
const SMALL_RECORDS_UNTIL = 65_536
const SMALL_RECORD = 4_096
const FULL_RECORD = 16_384

/** Told of each write that is done, and of one that could not be begun: a negative status of libuv's. */
export type Written = (status: number) => void

/**
 * Writes through TLS. The handle takes one write at a time and always says that it waits, in most cases until the end of
 * the turn: what comes meanwhile is gathered and goes out in one write, in as few records as fit. What is given to a write has
 * been encrypted, which is a copy, when the call returns.
 */
export class TlsWrites {
  readonly #tls: TlsHandle
  readonly #written: Written
  /** Bytes of the write under way; -1: none is. */
  #writing = -1
  #waiting: Uint8Array[] = []
  #waitingBytes = 0
  #corked = false
  #total = 0
  #smallRecords = true
  /**
   * Requests used again: to make one takes 0.4 µs. C++ lets go of one after its callback has returned, so the one that was
   * told last is not ready before the next is told.
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

  /** Nothing is before it: bytes of a read may be given without a copy. */
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
    if (text !== '') this.#issued(this.#tls.writeLatin1String(this.#request(text.length), text))
  }

  /** Where something is before them, `bytes` stay untouched. */
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

  /** Internal: the write under way is done. */
  completed(request: RawWrite, status: number): void {
    this.#writing = -1
    this.#spare = this.#toldLast
    this.#toldLast = request
    if (status === 0) this.#flush()
    this.#written(status)
  }

  /** Internal: the write under way cannot be told of. */
  broken(): void {
    this.#writing = -1
    this.#written(UV_ECONNRESET)
  }

  /** Forgets what waits: nobody takes it any more. */
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
