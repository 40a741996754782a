import { isBlank, writeLatin1 } from '../../../core/latin1.ts'
import { ENTRY_OVERHEAD, TABLE_BYTES } from './decoder-table.ts'
import { isAt, nameInfo, nameInfoAt, NO_SLOT, slotOf, type NameInfo } from './name-info.ts'
import { STATIC_SIZE, STATIC_TABLE } from './static-table.ts'

/** Longer values are not put into the table: one would take a quarter of it. */
const MAX_VALUE = 1024
const RING = TABLE_BYTES / ENTRY_OVERHEAD
const STATUS_NAME = 8
/** Encoded lines up to this size are kept as bytes: nearly all of them are indices. */
const MAX_KEPT = 64
const MAX_KEPT_TEXT = 1024
const LENGTH = nameInfo('content-length')
/** Shorter strings are written byte by byte: a call into C++ costs more. */
const SHORT = 32

const STATUS_INDEX = new Uint8Array(1000)
for (let index = STATUS_NAME; index <= 14; index++) {
  STATUS_INDEX[Number(STATIC_TABLE[index - 1]![1])] = index
}

/** The most bytes that `lines` of this text may take, plus a little for what comes before it. */
export function encodedBound(text: string): number {
  // A line's ": " and CR LF are as long as its two length bytes; values over 126 and over 254 bytes need more.
  return text.length + (text.length >> 5) + 64
}

/**
 * Encodes field sections (RFC 7541) without Huffman. It remembers one value per name: a value that comes twice in a row
 * is put into the table, and from the third time on it is sent as an index. So `server` and `date` cost a byte, and ids
 * never fill the table.
 */
export class Encoder {
  readonly #values: (string | undefined)[] = []
  /** Number of the insertion that put the remembered value into the table; 0 when it is not there. */
  readonly #insertions: number[] = []
  /** Sizes of the entries in the table, by number of insertion. */
  readonly #sizes: number[] = []
  #inserted = 0
  #evicted = 0
  #bytes = 0
  #maxBytes = TABLE_BYTES
  /**
   * The smallest size since the last section, or -1 when it did not change; announced at the start of the next section.
   */
  #least = -1
  /**
   * Counts changes of remembered values and insertions: while it stays the same, the same lines are encoded to the same
   * bytes.
   */
  #changes = 0
  /** The last lines and the bytes they were encoded to, valid while `#changes` stays the same. */
  #kept = ''
  #keptBytes: Uint8Array | undefined
  #keptSize = 0
  #keptInserted = 0
  /** The last Content-Length written. */
  #length = -1
  #lengthText = ''

  /** The peer's SETTINGS_HEADER_TABLE_SIZE. Sizes beyond the initial one are not used. */
  resize(bytes: number): void {
    const next = Math.min(bytes, TABLE_BYTES)
    if (next === this.#maxBytes) return
    this.#least = this.#least === -1 ? next : Math.min(this.#least, next)
    this.#maxBytes = next
    this.#kept = ''
    this.#evict(next)
  }

  /** Begins a section at `buffer[at]`; like the methods below it returns the position after what it wrote. */
  begin(buffer: Buffer, at: number): number {
    if (this.#least === -1) return at
    let p = at
    // RFC 7541 §4.2: the smallest size in between, then the final one.
    if (this.#least < this.#maxBytes) p = putInteger(buffer, p, 0x20, 5, this.#least)
    this.#least = -1
    return putInteger(buffer, p, 0x20, 5, this.#maxBytes)
  }

  status(buffer: Buffer, at: number, status: number): number {
    const index = STATUS_INDEX[status] ?? 0
    if (index !== 0) {
      buffer[at] = 0x80 | index
      return at + 1
    }
    buffer[at] = STATUS_NAME
    return putString(buffer, at + 1, String(status))
  }

  /** Content-Length; a repeated one needs no string. */
  length(buffer: Buffer, at: number, length: number): number {
    if (length !== this.#length) {
      this.#length = length
      this.#lengthText = String(length)
    }
    return this.#field(buffer, at, LENGTH, this.#lengthText)
  }

  /** Writes an entry of the static table. */
  indexed(buffer: Buffer, at: number, index: number): number {
    buffer[at] = 0x80 | index
    return at + 1
  }

  /** Writes any field; `name` in any case, as in HTTP/1.1. */
  field(buffer: Buffer, at: number, name: string, value: string): number {
    const info = nameInfo(name)
    return info.dropped ? at : this.#field(buffer, at, info, value)
  }

  #field(buffer: Buffer, at: number, info: NameInfo, value: string): number {
    const slot = slotOf(info)
    if (slot === NO_SLOT || value.length > MAX_VALUE) return this.#literal(buffer, at, info, value)
    if (this.#values[slot] !== value) {
      this.#values[slot] = value
      this.#insertions[slot] = 0
      this.#changes++
      return this.#literal(buffer, at, info, value)
    }
    return this.#repeated(buffer, at, info, value)
  }

  /** Writes a remembered value. */
  #repeated(buffer: Buffer, at: number, info: NameInfo, value: string): number {
    const insertion = this.#insertions[info.slot]!
    if (insertion > this.#evicted) {
      return putInteger(buffer, at, 0x80, 7, STATIC_SIZE + 1 + this.#inserted - insertion)
    }
    return this.#insert(buffer, at, info, value)
  }

  /** Writes "Name: value\r\n" lines. Responses often repeat the lines of the one before. */
  lines(buffer: Buffer, at: number, text: string): number {
    if (this.#keptInserted === this.#inserted && text === this.#kept && text !== '') {
      const bytes = this.#keptBytes!
      const size = this.#keptSize
      for (let i = 0; i < size; i++) buffer[at + i] = bytes[i]!
      return at + size
    }
    const changes = this.#changes
    const end = this.#encode(buffer, at, text)
    if (changes === this.#changes && end - at <= MAX_KEPT && text.length <= MAX_KEPT_TEXT)
      this.#keep(buffer, at, end, text)
    return end
  }

  #keep(buffer: Buffer, at: number, end: number, text: string): void {
    // A typed array of up to 64 bytes is in V8's heap, which costs less than a Buffer.
    const bytes = (this.#keptBytes ??= new Uint8Array(MAX_KEPT))
    for (let p = at; p < end; p++) bytes[p - at] = buffer[p]!
    this.#keptSize = end - at
    this.#kept = text
    this.#keptInserted = this.#inserted
  }

  #encode(buffer: Buffer, at: number, text: string): number {
    let p = at
    for (let line = 0; line < text.length;) {
      const colon = text.indexOf(':', line)
      const lineEnd = text.indexOf('\r', colon)
      if (colon <= 0 || lineEnd === -1) return p
      let start = colon + 1
      let end = lineEnd
      while (start < end && isBlank(text.charCodeAt(start))) start++
      while (end > start && isBlank(text.charCodeAt(end - 1))) end--
      const info = nameInfoAt(text, line, colon)
      if (!info.dropped) p = this.#value(buffer, p, info, text, start, end)
      line = lineEnd + 2
    }
    return p
  }

  /** A remembered value is recognised without creating a string. */
  #value(buffer: Buffer, at: number, info: NameInfo, text: string, start: number, end: number): number {
    const known = info.slot < 0 ? undefined : this.#values[info.slot]
    if (known !== undefined && known.length === end - start && isAt(text, start, known))
      return this.#repeated(buffer, at, info, known)
    return this.#field(buffer, at, info, text.slice(start, end))
  }

  #literal(buffer: Buffer, at: number, info: NameInfo, value: string): number {
    return putString(buffer, this.#name(buffer, at, info.secret ? 0x10 : 0, 4, info), value)
  }

  #name(buffer: Buffer, at: number, pattern: number, bits: number, info: NameInfo): number {
    if (info.staticIndex !== 0) return putInteger(buffer, at, pattern, bits, info.staticIndex)
    buffer[at] = pattern
    return putString(buffer, at + 1, info.lower)
  }

  #insert(buffer: Buffer, at: number, info: NameInfo, value: string): number {
    const size = info.lower.length + value.length + ENTRY_OVERHEAD
    if (size > this.#maxBytes) return this.#literal(buffer, at, info, value)
    this.#evict(this.#maxBytes - size)
    this.#sizes[++this.#inserted % RING] = size
    this.#bytes += size
    this.#insertions[info.slot] = this.#inserted
    this.#changes++
    return putString(buffer, this.#name(buffer, at, 0x40, 6, info), value)
  }

  #evict(room: number): void {
    while (this.#bytes > room) this.#bytes -= this.#sizes[++this.#evicted % RING]!
  }
}

function putInteger(buffer: Buffer, at: number, pattern: number, bits: number, value: number): number {
  const mask = (1 << bits) - 1
  if (value < mask) {
    buffer[at] = pattern | value
    return at + 1
  }
  buffer[at] = pattern | mask
  let p = at + 1
  let rest = value - mask
  for (; rest >= 0x80; rest >>>= 7) buffer[p++] = 0x80 | (rest & 0x7f)
  buffer[p] = rest
  return p + 1
}

function putString(buffer: Buffer, at: number, text: string): number {
  const { length } = text
  let p = putInteger(buffer, at, 0, 7, length)
  if (length > SHORT) return p + writeLatin1(buffer, text, p)
  for (let i = 0; i < length; i++) buffer[p++] = text.charCodeAt(i)
  return p
}
