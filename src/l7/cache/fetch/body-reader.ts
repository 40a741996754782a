import type { StoredRecord } from '../ports.ts'

/** Bytes handed out in one piece at most. */
const pieceBytes = 64 * 1024

/**
 * Reads a window of a stored body piece by piece, also while the body is still being filled. The reader holds its
 * record until `release`, which whoever serves it must call once, whatever happens.
 */
export class BodyReader {
  readonly #record: StoredRecord
  readonly #end: number | undefined
  #at: number
  #released = false

  /** From offset `from` up to `end` (exclusive); without `end`, to wherever the body ends. */
  constructor(record: StoredRecord, from: number, end: number | undefined) {
    this.#record = record
    this.#at = from
    this.#end = end
  }

  /** The next piece, or undefined when there is none yet: see `ended`, `failed`, and `onReady`. */
  read(): Buffer | undefined {
    if (this.#released) return undefined
    const left = (this.#end ?? Infinity) - this.#at
    if (left <= 0) return undefined
    const piece = this.#record.read(this.#at, Math.min(left, pieceBytes))
    if (piece !== undefined) this.#at += piece.length
    return piece
  }

  /** Everything was read. */
  get ended(): boolean {
    if (this.#end !== undefined) return this.#at >= this.#end
    return this.#record.state === 'complete' && this.#at >= this.#record.available
  }

  /** The fill broke off before the end: the client must not be told that the body is whole. */
  get failed(): boolean {
    return !this.ended && this.#record.state === 'gone' && this.#at >= this.#record.available
  }

  /** Calls `wake` once when there may be more to read, an end or a failure; returns what cancels that. */
  onReady(wake: () => void): () => void {
    return this.#record.onProgress(wake)
  }

  release(): void {
    if (this.#released) return
    this.#released = true
    this.#record.release()
  }
}
