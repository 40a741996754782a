import { copyBody } from '../../l7/cache/fetch/combined-writer.ts'
import { type CacheStore, pending, type RecordWriter } from '../../l7/cache/ports.ts'

/**
 * Bodies up to this many bytes wait as they came; larger ones in the memory of the cache, under a name that no request
 * uses.
 */
const LARGE_BYTES = 512 * 1024

/** Holds the pieces of a body until all have come: an entry that can be found is always complete. */
export class Stage {
  readonly #memory: CacheStore
  readonly #key: string
  readonly #bytes: number
  readonly #pieces: Buffer[] = []
  readonly #writer: RecordWriter | undefined

  constructor(memory: CacheStore, key: string, bytes: number, epoch: number) {
    this.#memory = memory
    this.#key = key
    this.#bytes = bytes
    if (bytes <= LARGE_BYTES) return
    const claim = memory.claim(key, false)
    if (claim !== undefined && 'begin' in claim) {
      this.#writer = claim.begin({ info: '', bytes, tags: [], epoch, note: true })
    } else claim?.release()
  }

  /** False when there is no room. */
  add(piece: Buffer): boolean {
    if (this.#bytes > LARGE_BYTES) return this.#writer?.write(piece) === true
    this.#pieces.push(piece)
    return true
  }

  moveTo(writer: RecordWriter): boolean {
    if (this.#bytes <= LARGE_BYTES) return this.#pieces.every((piece) => writer.write(piece))
    if (this.#writer?.finish() !== true) return false
    const record = this.#memory.lookup(this.#key, () => {})
    if (record === undefined || record === pending) return false
    const moved = copyBody(record, 0, this.#bytes, writer)
    record.release()
    this.#memory.remove(this.#key)
    return moved
  }

  drop(): void {
    this.#writer?.abort()
  }
}
