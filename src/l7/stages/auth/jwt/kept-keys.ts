import { hash } from 'node:crypto'

/** Milliseconds of the clock at which the set was fetched, length of its text in bytes, SHA-256 of all that; then the text. */
const FETCHED_AT = 0
const LENGTH = 8
const DIGEST = 12
const TEXT = 44
/** The largest set that is kept. */
export const MAX_KEY_SET_BYTES = 2 * 1024 * 1024

export interface KeptSet {
  readonly text: string
  readonly fetchedAt: number
}

/**
 * The last set of keys that any thread has fetched from one place, in memory that all threads share: a thread that begins
 * during an outage of the issuer, or whose own fetch failed, has the keys that the others had.
 *
 * Nothing is locked, since a thread may be terminated while it writes. A reader believes the digest alone: what two threads
 * write at once, or one has written in part, is no set, until the next fetch writes it again.
 */
export class KeptKeys {
  readonly #memory: SharedArrayBuffer

  constructor(memory: SharedArrayBuffer) {
    this.#memory = memory
  }

  /** Takes as much memory as the longest text that was written. */
  static allocate(): SharedArrayBuffer {
    return new SharedArrayBuffer(TEXT, { maxByteLength: TEXT + MAX_KEY_SET_BYTES })
  }

  /** When the set was fetched; 0: there is none. It may be of one that is being written. */
  get fetchedAt(): number {
    return new DataView(this.#memory).getFloat64(FETCHED_AT)
  }

  write({ text, fetchedAt }: KeptSet): void {
    const bytes = Buffer.from(text)
    if (bytes.length > MAX_KEY_SET_BYTES) return
    const head = Buffer.alloc(DIGEST)
    head.writeDoubleBE(fetchedAt, FETCHED_AT)
    head.writeUInt32BE(bytes.length, LENGTH)
    this.#grow(TEXT + bytes.length)
    const memory = new Uint8Array(this.#memory)
    memory.set(digestOf(head, bytes), DIGEST)
    memory.set(bytes, TEXT)
    memory.set(head)
  }

  read(): KeptSet | undefined {
    // A copy: others may write meanwhile.
    const all = Buffer.from(new Uint8Array(this.#memory).slice().buffer)
    const length = all.readUInt32BE(LENGTH)
    if (length === 0 || length > all.length - TEXT) return undefined
    const text = all.subarray(TEXT, TEXT + length)
    if (!all.subarray(DIGEST, TEXT).equals(digestOf(all.subarray(0, DIGEST), text))) return undefined
    return { text: text.toString(), fetchedAt: all.readDoubleBE(FETCHED_AT) }
  }

  #grow(bytes: number): void {
    try {
      if (this.#memory.byteLength < bytes) this.#memory.grow(bytes)
    } catch (error) {
      // Another thread has made it larger than that at the same time.
      if (this.#memory.byteLength < bytes) throw error
    }
  }
}

function digestOf(head: Buffer, text: Buffer): Buffer {
  return hash('sha256', Buffer.concat([head, text]), 'buffer')
}
