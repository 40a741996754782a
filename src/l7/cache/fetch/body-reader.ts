import type { StoredRecord } from '../ports.ts'

/** Largest piece that one read returns. */
const pieceBytes = 64 * 1024

/**
 * Reads a range of a stored body piece by piece, also while the body is still being filled. The reader holds its record
 * until `release`, which its owner must call exactly once, whatever happens.
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

  /** The next piece, or undefined when none is there yet: see `ended`, `failed` and `onReady`. */
  read(): Buffer | undefined {
    if (this.#released) return undefined
    const left = (this.#end ?? Infinity) - this.#at
    if (left <= 0) return undefined
    const piece = this.#record.read(this.#at, Math.min(left, pieceBytes))
    if (piece !== undefined) this.#at += piece.length
    return piece
  }

  /** Everything has been read. */
  get ended(): boolean {
    if (this.#end !== undefined) return this.#at >= this.#end
    return this.#record.state === 'complete' && this.#at >= this.#record.available
  }

  /** The fill stopped before the end: the client must not be told that the body is complete. */
  get failed(): boolean {
    return !this.ended && this.#record.state === 'gone' && this.#at >= this.#record.available
  }

  /** Calls `wake` once when there may be more to read, or an end or failure; returns a function that cancels that. */
  onReady(wake: () => void): () => void {
    return this.#record.onProgress(wake)
  }

  release(): void {
    if (this.#released) return
    this.#released = true
    this.#record.release()
  }
}
