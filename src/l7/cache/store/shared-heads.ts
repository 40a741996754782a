import type { EntryTable } from './memory/entry-table.ts'
import { entryStride, word } from './memory/layout.ts'

/** The text of an entry's head and what the cache made of it. */
export interface SharedHead {
  readonly version: number
  readonly info: string
  memo: unknown
}

const maxHeads = 1024

/**
 * Heads of entries that have no hot copy (large ones, and those being filled), and the piece of a body that was read
 * last: of thousands that follow one entry, each would otherwise parse the head and copy every piece for itself.
 */
export class SharedHeads {
  readonly #table: EntryTable
  readonly #heads = new Map<number, SharedHead>()
  #pieceEntry = -1
  #pieceVersion = 0
  #pieceFrom = 0
  #piece: Buffer | undefined

  constructor(table: EntryTable) {
    this.#table = table
  }

  /** Of a pinned entry with a head. */
  of(entry: number): SharedHead {
    const version = this.#version(entry)
    let head = this.#heads.get(entry)
    if (head === undefined || head.version !== version) {
      if (this.#heads.size >= maxHeads) this.#heads.clear()
      head = { version, info: this.#table.infoOf(entry), memo: undefined }
      this.#heads.set(entry, head)
    }
    return head
  }

  /** The piece of that place, when it was the last one kept and is as long. */
  piece(entry: number, from: number, length: number): Buffer | undefined {
    const same = this.#pieceEntry === entry && this.#pieceFrom === from && this.#piece?.length === length
    return same && this.#pieceVersion === this.#version(entry) ? this.#piece : undefined
  }

  keepPiece(entry: number, from: number, piece: Buffer): void {
    this.#pieceEntry = entry
    this.#pieceVersion = this.#version(entry)
    this.#pieceFrom = from
    this.#piece = piece
  }

  #version(entry: number): number {
    return Atomics.load(this.#table.words, entry * entryStride + word.version)
  }
}
