import { fieldMarks } from './field-marks.ts'
import { STATIC_SIZE, STATIC_TABLE } from './static-table.ts'

/** SETTINGS_HEADER_TABLE_SIZE of lb: the initial value of the RFC, which lb never changes. */
export const TABLE_BYTES = 4096
/** The size of an entry beyond its name and value (RFC 7541 §4.1). */
export const ENTRY_OVERHEAD = 32
const CAPACITY = TABLE_BYTES / ENTRY_OVERHEAD

/** A field in a table: created once, reused for every reference. */
export interface TableEntry {
  readonly name: string
  readonly value: string
  /** "name: value\r\n"; '' for a pseudo-field. */
  readonly line: string
  readonly marks: number
  readonly size: number
}

export function makeEntry(name: string, value: string, marks: number): TableEntry {
  const line = name.charCodeAt(0) === 58 ? '' : `${name}: ${value}\r\n`
  return { name, value, line, marks, size: name.length + value.length + ENTRY_OVERHEAD }
}

const fixed: readonly TableEntry[] = STATIC_TABLE.map(([name, value]) =>
  makeEntry(name, value, fieldMarks(name))
)

/** The static table followed by the dynamic one (RFC 7541 §2.3): a ring, the newest entry first. */
export class DecoderTable {
  #ring: (TableEntry | undefined)[] = []
  /** Position of the newest entry. */
  #head = -1
  #count = 0
  #bytes = 0
  #maxBytes = TABLE_BYTES

  /** Undefined for an index that does not exist. */
  at(index: number): TableEntry | undefined {
    if (index <= STATIC_SIZE) return fixed[index - 1]
    const back = index - STATIC_SIZE - 1
    return back < this.#count ? this.#ring[(this.#head - back) & (CAPACITY - 1)] : undefined
  }

  get maxBytes(): number {
    return this.#maxBytes
  }

  /** The peer changes the size; false when it is larger than allowed. */
  resize(maxBytes: number): boolean {
    if (maxBytes > TABLE_BYTES) return false
    this.#maxBytes = maxBytes
    this.#evict(maxBytes)
    return true
  }

  add(entry: TableEntry): void {
    // RFC 7541 §4.4: an entry larger than the table empties it.
    this.#evict(this.#maxBytes - entry.size)
    if (entry.size > this.#maxBytes) return
    this.#head = (this.#head + 1) & (CAPACITY - 1)
    this.#ring[this.#head] = entry
    this.#count++
    this.#bytes += entry.size
  }

  /** Empties the table, as adding an entry larger than the table does. */
  clear(): void {
    this.#evict(0)
  }

  #evict(room: number): void {
    while (this.#count > 0 && this.#bytes > room) {
      const oldest = (this.#head - this.#count + 1) & (CAPACITY - 1)
      this.#bytes -= this.#ring[oldest]!.size
      this.#ring[oldest] = undefined
      this.#count--
    }
  }
}
