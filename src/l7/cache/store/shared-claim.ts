import type { Claim, FillFailure, RecordHead, RecordWriter } from '../ports.ts'
import type { ExtentCursor } from './memory/extent-cursor.ts'
import { tagBit } from './memory/key-hash.ts'
import { entryStride, state, unitBytes, word } from './memory/layout.ts'
import type { StoreDeps } from './store-deps.ts'

/**
 * A body of unknown length that exceeds `maxObjectBytes` is still passed to its followers, up to this many times that
 * size.
 */
const oversizeFactor = 8

const tagSeparator = '\x1f'

export class SharedClaim implements Claim {
  readonly kind = 'claim'
  readonly #store: StoreDeps
  readonly #entry: number
  readonly #slot: number
  readonly #key: string
  #ended = false

  constructor(store: StoreDeps, entry: number, slot: number, key: string) {
    this.#store = store
    this.#entry = entry
    this.#slot = slot
    this.#key = key
  }

  begin(head: RecordHead): RecordWriter | undefined {
    if (this.#ended) return undefined
    if ((head.bytes ?? 0) > this.#store.maxObjectBytes || !this.#publishHead(head)) {
      this.abandon()
      return undefined
    }
    this.#ended = true
    this.#store.moved(this.#entry)
    return new SharedWriter(this.#store, this.#entry, this.#slot, head.bytes)
  }

  abandon(): void {
    if (this.#ended) return
    this.#ended = true
    this.#store.drop(this.#entry, this.#slot)
  }

  #publishHead(head: RecordHead): boolean {
    const { table } = this.#store
    const entry = this.#entry
    const tags = Buffer.from(
      head.tags.length === 0 ? '' : `${head.tags.join(tagSeparator)}${tagSeparator}`,
      'latin1'
    )
    const info = Buffer.from(head.info, 'latin1')
    const textLength = this.#key.length + tags.length + info.length
    if (!table.lock.acquire()) return false
    try {
      if (this.#store.epochOf(this.#key) !== head.epoch || !this.#link()) return false
      if (!table.extend(entry, textLength + (head.bytes ?? 0))) return false
      const cursor = table.cursor(entry)
      cursor.write(this.#key.length, tags)
      cursor.write(this.#key.length + tags.length, info)
      const seed = table.views.memory.seed
      let bits = 0
      for (const tag of head.tags) bits |= tagBit(tag, seed)
      table.set(entry, word.tagBits, bits)
      table.set(entry, word.note, head.note === true ? 1 : 0)
      table.set(entry, word.tagsLength, tags.length)
      table.set(entry, word.infoLength, info.length)
      table.set(entry, word.bodyTotal, head.bytes ?? -1)
      table.set(entry, word.state, state.filling)
      return true
    } finally {
      table.lock.release()
    }
  }

  /**
   * Links the entry; one that was claimed to replace another takes its place now. False when it was purged meanwhile.
   */
  #link(): boolean {
    const { table } = this.#store
    if (table.get(this.#entry, word.linked) === 1) return true
    if (!this.#store.detached.delete(this.#entry)) return false
    const other = table.find(this.#key)
    if (other >= 0) {
      const complete = table.get(other, word.state) === state.complete
      if (complete) table.unlink(other)
      Atomics.sub(table.words, other * entryStride + word.pins, 1)
      if (!complete) return false
      table.freeIfDone(other)
    }
    table.link(this.#entry)
    return true
  }
}

class SharedWriter implements RecordWriter {
  readonly #store: StoreDeps
  readonly #entry: number
  readonly #slot: number
  readonly #bytes: number | undefined
  readonly #start: number
  readonly #cursor: ExtentCursor
  #length = 0
  #capacity: number
  #open = true
  #failure: FillFailure | undefined

  constructor(store: StoreDeps, entry: number, slot: number, bytes: number | undefined) {
    this.#store = store
    this.#entry = entry
    this.#slot = slot
    this.#bytes = bytes
    this.#start = store.table.bodyStart(entry)
    this.#cursor = store.table.cursor(entry)
    this.#capacity = store.table.get(entry, word.units) * unitBytes
  }

  get failure(): FillFailure | undefined {
    return this.#failure
  }

  get followers(): number {
    return this.#open ? this.#store.table.get(this.#entry, word.pins) - 1 : 0
  }

  write(chunk: Uint8Array): boolean {
    if (!this.#open) return false
    const length = this.#length + chunk.length
    if (!this.#fits(length)) {
      this.abort()
      return false
    }
    this.#cursor.write(this.#start + this.#length, chunk)
    this.#length = length
    this.#store.table.set(this.#entry, word.bodyLength, length)
    this.#store.moved(this.#entry)
    return true
  }

  finish(): boolean {
    if (!this.#open) return false
    if (this.#bytes !== undefined && this.#bytes !== this.#length) {
      this.abort()
      return false
    }
    this.#open = false
    const published = this.#store.complete(this.#entry, this.#slot)
    if (!published) this.#failure ??= 'purged'
    return published
  }

  abort(): void {
    if (!this.#open) return
    this.#open = false
    this.#failure ??= 'incomplete'
    this.#store.drop(this.#entry, this.#slot)
  }

  #fits(length: number): boolean {
    if (this.#bytes !== undefined) return length <= this.#bytes
    const { table, maxObjectBytes } = this.#store
    const over = length > maxObjectBytes
    if (over) this.#failure = 'too-large'
    // It cannot be found any more then, but current followers get the rest.
    if (over && (this.followers === 0 || length > maxObjectBytes * oversizeFactor)) return false
    if (this.#start + length <= this.#capacity && !over) return true
    if (!table.lock.acquire()) return false
    try {
      if (over && table.get(this.#entry, word.linked) === 1) table.unlink(this.#entry)
      if (!table.extend(this.#entry, this.#start + length)) {
        this.#failure ??= 'no-room'
        return false
      }
      this.#capacity = table.get(this.#entry, word.units) * unitBytes
      return true
    } finally {
      table.lock.release()
    }
  }
}
