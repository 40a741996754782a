import type { RecordState, StoredRecord } from '../ports.ts'
import { countCopied } from './memory/copied-bytes.ts'
import type { ExtentCursor } from './memory/extent-cursor.ts'
import { state, word } from './memory/layout.ts'
import type { SharedHead } from './shared-heads.ts'
import type { StoreDeps } from './store-deps.ts'

/** A pinned entry as one reader sees it: large, or not complete yet. Small complete ones are read from hot copies. */
export class SharedRecord implements StoredRecord {
  readonly #store: StoreDeps
  readonly #entry: number
  readonly #slot: number
  #cursor: ExtentCursor | undefined
  #head: SharedHead | undefined
  /** Progress when the reader last read or opened it: the reader is woken only for later progress. */
  #seen = 0
  #open = true

  constructor(store: StoreDeps, entry: number, slot: number) {
    this.#store = store
    this.#entry = entry
    this.#slot = slot
    this.#seen = store.table.get(entry, word.progress)
  }

  get state(): RecordState {
    switch (this.#store.table.get(this.#entry, word.state)) {
      case state.reserved:
        return 'reserved'
      case state.filling:
        return 'filling'
      case state.complete:
        return 'complete'
      default:
        return 'gone'
    }
  }

  get info(): string {
    return this.#headNow()?.info ?? ''
  }

  get staleAt(): number {
    return 1000 * this.#store.table.get(this.#entry, word.staleAt)
  }

  get parsed(): unknown {
    return this.#headNow()?.parsed
  }

  set parsed(value: unknown) {
    const head = this.#headNow()
    if (head !== undefined) head.parsed = value
  }

  get available(): number {
    return this.#store.table.get(this.#entry, word.bodyLength)
  }

  get bytes(): number | undefined {
    const { table } = this.#store
    if (table.get(this.#entry, word.state) === state.complete) return table.get(this.#entry, word.bodyLength)
    const total = table.get(this.#entry, word.bodyTotal)
    return total < 0 ? undefined : total
  }

  read(from: number, max: number): Buffer | undefined {
    if (!this.#open) return undefined
    const { table } = this.#store
    this.#seen = table.get(this.#entry, word.progress)
    const length = Math.min(max, this.available - from)
    if (length <= 0) return undefined
    const last = this.#store.heads.piece(this.#entry, from, length)
    if (last !== undefined) return last
    this.#cursor ??= table.cursor(this.#entry)
    countCopied(length)
    const piece = Buffer.allocUnsafe(length)
    this.#cursor.read(table.bodyStart(this.#entry) + from, piece)
    this.#store.heads.keepPiece(this.#entry, from, piece)
    return piece
  }

  #headNow(): SharedHead | undefined {
    if (this.#head === undefined && this.state !== 'reserved') this.#head = this.#store.heads.of(this.#entry)
    return this.#head
  }

  onProgress(wake: () => void): () => void {
    return this.#store.followers.follow(this.#entry, this.#seen, wake)
  }

  release(): void {
    if (!this.#open) return
    this.#open = false
    this.#store.unpin(this.#entry, this.#slot)
  }
}
