import { CHUNK_BYTES, giveChunk, takeChunk } from './chunk-pool.ts'
import { FLAG_END_STREAM } from './codes.ts'

/**
 * The frames that a connection is about to send, built in chunks of 64 KiB. A writer reserves room, writes at
 * `buffer[at]` and advances `at`. The connection takes chunks from the front and returns each to the pool once it is
 * written.
 */
export class OutQueue {
  /** The chunk being filled; undefined while nothing waits. */
  #buffer: Buffer | undefined
  at = 0
  #full: { readonly buffer: Buffer; readonly end: number }[] = []
  #fullBytes = 0
  /** Bytes in all chunks before the current one since the start, so that positions are unique. */
  #base = 0

  get buffer(): Buffer {
    return this.#buffer!
  }

  /** Bytes that wait here. */
  get bytes(): number {
    return this.#fullBytes + this.at
  }

  /** Makes room for `size` bytes in one piece; at most CHUNK_BYTES. */
  reserve(size: number): void {
    if (this.#buffer === undefined) {
      this.#buffer = takeChunk()
      this.at = 0
    } else if (this.at + size > CHUNK_BYTES) {
      this.#close()
      this.#buffer = takeChunk()
    }
  }

  /** Room in the current chunk. */
  get room(): number {
    return this.#buffer === undefined ? CHUNK_BYTES : CHUNK_BYTES - this.at
  }

  /** The position of the next byte, unique over the connection's life. */
  get position(): number {
    return this.#base + this.at
  }

  /** Sets END_STREAM on the frame that begins at `position`, if that is still in the current chunk. */
  endStreamAt(position: number): boolean {
    const at = position - this.#base
    if (this.#buffer === undefined || at < 0 || at >= this.at) return false
    this.#buffer[at + 4]! |= FLAG_END_STREAM
    return true
  }

  /** The oldest chunk and how much of it is used; the caller returns its buffer. Undefined when nothing waits. */
  shift(): { readonly buffer: Buffer; readonly end: number } | undefined {
    const first = this.#full.shift()
    if (first !== undefined) {
      this.#fullBytes -= first.end
      return first
    }
    const buffer = this.#buffer
    if (buffer === undefined) return undefined
    const end = this.at
    this.#base += end
    this.#buffer = undefined
    this.at = 0
    if (end > 0) return { buffer, end }
    giveChunk(buffer)
    return undefined
  }

  /** Drops everything: the connection has closed. */
  clear(): void {
    for (let chunk = this.shift(); chunk !== undefined; chunk = this.shift()) giveChunk(chunk.buffer)
  }

  #close(): void {
    this.#full.push({ buffer: this.#buffer!, end: this.at })
    this.#fullBytes += this.at
    this.#base += this.at
    this.#buffer = undefined
    this.at = 0
  }
}
