import type { RecordState, StoredRecord } from '../ports.ts'

/** What one hot copy costs besides its bytes: the objects, the slot of the Map and the parsed entry. */
const overheadBytes = 600

const seenSlots = 8192

const textBytes = 4096

/**
 * A copy of a complete record on this thread's heap, valid while the version of its entry is the same. All lookups
 * share it, so it holds no state of a reader and `release` does nothing.
 */
export class HotRecord implements StoredRecord {
  readonly key: string
  readonly entry: number
  readonly version: number
  readonly info: string
  readonly available: number
  readonly #body: Buffer
  #text: string | undefined
  parsed: unknown
  /** Written by the store at each lookup. */
  staleAt = 0
  /** Used since the eviction last passed over it. */
  used = false

  constructor(key: string, entry: number, version: number, info: string, body: Buffer) {
    this.key = key
    this.entry = entry
    this.version = version
    this.info = info
    this.#body = body
    this.available = body.length
  }

  get state(): RecordState {
    return 'complete'
  }

  get bytes(): number {
    return this.available
  }

  get cost(): number {
    return (
      this.available * (this.available > textBytes ? 1 : 2) +
      this.info.length * 2 +
      this.key.length +
      overheadBytes
    )
  }

  /** Made on first use: up to 4 KiB, sending head and body as one string is cheaper than two buffers. */
  get text(): string | undefined {
    if (this.available > textBytes || this.available === 0) return undefined
    return (this.#text ??= this.#body.toString('latin1'))
  }

  read(from: number, max: number): Buffer | undefined {
    if (from === 0 && max >= this.available) return this.available === 0 ? undefined : this.#body
    return from >= this.available
      ? undefined
      : this.#body.subarray(from, Math.min(this.available, from + max))
  }

  onProgress(): () => void {
    return () => {}
  }

  release(): void {}
}

/** Hot copies within a budget of bytes; the oldest one that was not used again is evicted first. */
export class HotRecords {
  readonly #records = new Map<string, HotRecord>()
  readonly #maxBytes: number
  readonly #seen = new Int32Array(seenSlots)
  #bytes = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** Larger bodies gain little from a copy, and dead copies stay in memory until V8 collects its old generation. */
  get maxBody(): number {
    return Math.min(8 * 1024, this.#maxBytes >> 3)
  }

  /**
   * Whether the entry was looked up lately. Most entries are used once in a long while, and would only evict hot ones.
   * Overwrites old marks.
   */
  seenBefore(entry: number, version: number): boolean {
    const slot = entry & (seenSlots - 1)
    const mark = (Math.imul(entry, 31) ^ version) | 1
    if (this.#seen[slot] === mark) return true
    this.#seen[slot] = mark
    return false
  }

  get bytes(): number {
    return this.#bytes
  }

  get(key: string): HotRecord | undefined {
    return this.#records.get(key)
  }

  add(record: HotRecord): void {
    this.remove(record.key)
    if (record.cost > this.#maxBytes) return
    this.#records.set(record.key, record)
    this.#bytes += record.cost
    if (this.#bytes > this.#maxBytes) this.#shrink()
  }

  remove(key: string): void {
    const record = this.#records.get(key)
    if (record === undefined) return
    this.#records.delete(key)
    this.#bytes -= record.cost
  }

  #shrink(): void {
    // A Map iterates in insertion order, including what is inserted meanwhile, so this is the clock algorithm.
    for (const [key, record] of this.#records) {
      if (this.#bytes <= this.#maxBytes) return
      this.#records.delete(key)
      if (record.used) {
        record.used = false
        this.#records.set(key, record)
      } else this.#bytes -= record.cost
    }
  }
}
