import type { EntryTable } from './memory/entry-table.ts'
import { entryStride, word } from './memory/layout.ts'

/** The text of an entry's head and the entry parsed from it. */
export interface SharedHead {
  readonly version: number
  readonly info: string
  parsed: unknown
}

const maxHeads = 1024
/** A body and an encoded form of it may be read alternately; 64 KiB each at most. */
const maxPieces = 4

interface Piece {
  readonly entry: number
  readonly version: number
  readonly from: number
  readonly bytes: Buffer
}

/**
 * Heads of entries that have no hot copy (large ones, and those being filled), and the last pieces of bodies that were
 * read: without this, each of thousands of followers would parse the head and copy every piece.
 */
export class SharedHeads {
  readonly #table: EntryTable
  readonly #heads = new Map<number, SharedHead>()
  readonly #pieces: Piece[] = []
  #nextPiece = 0

  constructor(table: EntryTable) {
    this.#table = table
  }

  /** The head of a pinned entry. */
  of(entry: number): SharedHead {
    const version = this.#version(entry)
    let head = this.#heads.get(entry)
    if (head === undefined || head.version !== version) {
      if (this.#heads.size >= maxHeads) this.#heads.clear()
      head = { version, info: this.#table.infoOf(entry), parsed: undefined }
      this.#heads.set(entry, head)
    }
    return head
  }

  /** The piece at that place, when it is one of the last ones kept and has the same length. */
  piece(entry: number, from: number, length: number): Buffer | undefined {
    const pieces = this.#pieces
    for (let i = 0; i < pieces.length; i++) {
      const piece = pieces[i]!
      if (piece.entry !== entry || piece.from !== from || piece.bytes.length !== length) continue
      if (piece.version === this.#version(entry)) return piece.bytes
    }
    return undefined
  }

  keepPiece(entry: number, from: number, bytes: Buffer): void {
    this.#pieces[this.#nextPiece] = { entry, version: this.#version(entry), from, bytes }
    this.#nextPiece = (this.#nextPiece + 1) % maxPieces
  }

  #version(entry: number): number {
    return Atomics.load(this.#table.words, entry * entryStride + word.version)
  }
}
