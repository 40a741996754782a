import type { CacheStore, Claim, RecordHead, RecordState, RecordWriter, StoredRecord } from '../ports.ts'

export interface MapStoreOptions {
  readonly maxBytes: number
  readonly maxObjectBytes: number
}

/**
 * A store of one thread on its heap, least recently used first out. What tests compare the shared store with, and what
 * a reader of the port should read first.
 */
export class MapStore implements CacheStore {
  readonly maxObjectBytes: number
  readonly #maxBytes: number
  readonly #slots = new Map<string, Slot>()
  #bytes = 0
  #epoch = 0

  constructor(options: MapStoreOptions) {
    this.#maxBytes = options.maxBytes
    this.maxObjectBytes = options.maxObjectBytes
  }

  get epoch(): number {
    return this.#epoch
  }

  get bytes(): number {
    return this.#bytes
  }

  get entries(): number {
    return this.#slots.size
  }

  lookup(key: string): StoredRecord | undefined {
    const slot = this.#slots.get(key)
    if (slot === undefined) return undefined
    this.#slots.delete(key)
    this.#slots.set(key, slot)
    return slot.open()
  }

  claim(key: string, replace: boolean): Claim | StoredRecord | undefined {
    const slot = this.#slots.get(key)
    if (slot !== undefined && !(replace && slot.state === 'complete')) return slot.open()
    const fresh = new Slot(key)
    // What is complete stays readable until `begin`.
    if (slot === undefined) this.#slots.set(key, fresh)
    return new MapClaim(this, fresh)
  }

  remove(key: string): boolean {
    const slot = this.#slots.get(key)
    if (slot === undefined) return false
    this.drop(slot)
    return true
  }

  removeUrl(url: string): number {
    return this.#removeWhere((slot) => slot.key === url || slot.key.startsWith(`${url}\n`))
  }

  removePrefix(prefix: string): number {
    return this.#removeWhere((slot) => slot.key.startsWith(prefix))
  }

  removeTag(tag: string): number {
    return this.#removeWhere((slot) => slot.tags.includes(tag))
  }

  removeAll(): number {
    return this.#removeWhere(() => true)
  }

  nextEpoch(): void {
    this.#epoch++
  }

  /** For claims: puts the slot in the place of whatever is there; false when it was removed meanwhile. */
  install(slot: Slot): boolean {
    if (slot.state !== 'reserved') return false
    const other = this.#slots.get(slot.key)
    if (other !== slot) {
      if (other !== undefined && other.state !== 'complete') return false
      if (other !== undefined) this.drop(other)
      this.#slots.set(slot.key, slot)
    }
    return true
  }

  grow(slot: Slot, bytes: number): boolean {
    if (bytes > this.#maxBytes) return false
    for (const victim of this.#slots.values()) {
      if (this.#bytes + bytes <= this.#maxBytes) break
      if (victim !== slot && victim.state === 'complete') this.drop(victim)
    }
    if (this.#bytes + bytes > this.#maxBytes) return false
    this.#bytes += bytes
    slot.cost += bytes
    return true
  }

  drop(slot: Slot): void {
    if (this.#slots.get(slot.key) === slot) this.#slots.delete(slot.key)
    this.#bytes -= slot.cost
    slot.cost = 0
    slot.state = 'gone'
    slot.wakeAll()
  }

  #removeWhere(matches: (slot: Slot) => boolean): number {
    let removed = 0
    for (const slot of [...this.#slots.values()]) {
      if (!matches(slot)) continue
      if (slot.state === 'complete') removed++
      this.drop(slot)
    }
    return removed
  }
}

class Slot {
  readonly key: string
  state: RecordState = 'reserved'
  info = ''
  tags: readonly string[] = []
  bytes: number | undefined
  body = Buffer.alloc(0)
  length = 0
  /** Bytes accounted for; 0 once dropped. */
  cost = 0
  memo: unknown
  readers = 0
  #waiting: (() => void)[] = []

  constructor(key: string) {
    this.key = key
  }

  open(): StoredRecord {
    this.readers++
    return new MapRecord(this)
  }

  onProgress(wake: () => void): () => void {
    this.#waiting.push(wake)
    return () => {
      this.#waiting = this.#waiting.filter((other) => other !== wake)
    }
  }

  wakeAll(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const wake of waiting) wake()
  }
}

class MapRecord implements StoredRecord {
  readonly #slot: Slot
  #open = true

  constructor(slot: Slot) {
    this.#slot = slot
  }

  get state(): RecordState {
    return this.#slot.state
  }

  get info(): string {
    return this.#slot.info
  }

  get available(): number {
    return this.#slot.length
  }

  get bytes(): number | undefined {
    return this.#slot.bytes
  }

  get memo(): unknown {
    return this.#slot.memo
  }

  set memo(value: unknown) {
    this.#slot.memo = value
  }

  read(from: number, max: number): Buffer | undefined {
    const end = Math.min(this.#slot.length, from + max)
    return end <= from ? undefined : this.#slot.body.subarray(from, end)
  }

  onProgress(wake: () => void): () => void {
    return this.#slot.onProgress(wake)
  }

  release(): void {
    if (this.#open) this.#slot.readers--
    this.#open = false
  }
}

class MapClaim implements Claim {
  readonly kind = 'claim'
  readonly #store: MapStore
  readonly #slot: Slot
  #ended = false

  constructor(store: MapStore, slot: Slot) {
    this.#store = store
    this.#slot = slot
  }

  begin(head: RecordHead): RecordWriter | undefined {
    const slot = this.#slot
    if (this.#ended) return undefined
    const size = slot.key.length + head.info.length + (head.bytes ?? 0)
    if (
      (head.bytes ?? 0) > this.#store.maxObjectBytes ||
      !this.#store.install(slot) ||
      !this.#store.grow(slot, size)
    ) {
      this.abandon()
      return undefined
    }
    this.#ended = true
    slot.info = head.info
    slot.tags = head.tags
    slot.bytes = head.bytes
    slot.body = Buffer.allocUnsafeSlow(head.bytes ?? 4096)
    slot.state = 'filling'
    slot.wakeAll()
    return new MapWriter(this.#store, slot)
  }

  abandon(): void {
    if (this.#ended) return
    this.#ended = true
    if (this.#slot.state !== 'gone') this.#store.drop(this.#slot)
  }
}

class MapWriter implements RecordWriter {
  readonly #store: MapStore
  readonly #slot: Slot

  constructor(store: MapStore, slot: Slot) {
    this.#store = store
    this.#slot = slot
  }

  get followers(): number {
    return this.#slot.readers
  }

  write(chunk: Uint8Array): boolean {
    const slot = this.#slot
    if (slot.state !== 'filling') return false
    const length = slot.length + chunk.length
    const announced = slot.bytes
    const fits =
      announced === undefined
        ? length <= this.#store.maxObjectBytes && this.#store.grow(slot, chunk.length)
        : length <= announced
    if (!fits) {
      this.abort()
      return false
    }
    if (length > slot.body.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(length, slot.body.length * 2))
      slot.body.copy(larger, 0, 0, slot.length)
      slot.body = larger
    }
    slot.body.set(chunk, slot.length)
    slot.length = length
    slot.wakeAll()
    return true
  }

  finish(): boolean {
    const slot = this.#slot
    if (slot.state !== 'filling') return false
    if (slot.bytes !== undefined && slot.bytes !== slot.length) {
      this.abort()
      return false
    }
    slot.bytes = slot.length
    slot.state = 'complete'
    slot.wakeAll()
    return true
  }

  abort(): void {
    if (this.#slot.state === 'filling') this.#store.drop(this.#slot)
  }
}
