import { TOKEN, isBlank, latin1 } from '../../../core/latin1.ts'
import { FIELD_VALUE } from '../../message/chars.ts'
import { DecoderTable, ENTRY_OVERHEAD, makeEntry, TABLE_BYTES, type TableEntry } from './decoder-table.ts'
import { COOKIE, fieldMarks, MALFORMED } from './field-marks.ts'
import { decodeHuffman } from './huffman.ts'

/** Receives the fields of a section, in order. */
export interface FieldSink {
  onField(field: TableEntry): void
}

const COLON = 58
/** The characters allowed in a name in HTTP/2 (RFC 9113 §8.2.1): a token without upper case. */
const NAME = TOKEN.slice()
for (let c = 65; c <= 90; c++) NAME[c] = 0

/** Longest string that is decoded; in practice the limit of the list is lower. */
const MAX_STRING = 131_072
/**
 * Browsers send each cookie as a field of its own (RFC 9113 §8.2.3), up to 180 for a host. So many cost what they take in
 * one field, so that a request which fits over HTTP/1.1 fits here.
 */
const MOST_CRUMBS = 256
/** Behind each but the last: "; ". */
const BETWEEN_CRUMBS = 2
const COOKIE_OVERHEAD = ENTRY_OVERHEAD + 'cookie'.length

/** Shared by the thread: its content becomes a string within the call. */
let scratch: Buffer | undefined

const TRUNCATED = -1

/**
 * Decodes field sections (RFC 7541). Characters are checked when a literal is read, so a field that is repeated by its
 * index is not checked again. No input makes it throw or create a string beyond the limit.
 */
export class Decoder {
  readonly #table = new DecoderTable()
  #buffer: Buffer = Buffer.alloc(0)
  #p = 0
  #end = 0
  /** The last string read: where it is, decoded, or how long it would be. */
  #from: Uint8Array = this.#buffer
  #stringStart = 0
  #stringSize = 0
  /** By the rule of RFC 9113 §6.5.2, but that cookies count as one field. */
  #listSize = 0
  #crumbs = 0
  /** The section was larger than the limit: not all of its fields were reported. */
  overflowed = false

  /**
   * False when it is not valid HPACK: the connection must end (RFC 9113 §4.3). Fields beyond a list size of `maxList`
   * are not reported.
   */
  decode(buffer: Buffer, start: number, end: number, maxList: number, sink: FieldSink): boolean {
    this.#buffer = buffer
    this.#p = start
    this.#end = end
    this.#listSize = this.#crumbs = 0
    this.overflowed = false
    let fields = 0
    while (this.#p < end) {
      const first = buffer[this.#p]!
      if ((first & 0x80) !== 0) {
        const entry = this.#table.at(this.#integer(7))
        if (entry === undefined) return false
        this.#tell(entry, maxList, sink)
      } else if ((first & 0x60) === 0x20) {
        // RFC 7541 §4.2: at the beginning of a section only.
        const size = this.#integer(5)
        if (fields > 0 || size < 0 || !this.#table.resize(size)) return false
        continue
      } else if (!this.#literal((first & 0x40) !== 0, maxList, sink)) return false
      fields++
    }
    return true
  }

  #tell(entry: TableEntry, maxList: number, sink: FieldSink): void {
    this.#listSize += entry.marks === COOKIE ? this.#crumb(entry.value.length) : entry.size
    if (this.#listSize > maxList) this.overflowed = true
    else sink.onField(entry)
  }

  #crumb(size: number): number {
    const one = this.#crumbs++
    return size + (one > 0 && one < MOST_CRUMBS ? BETWEEN_CRUMBS : COOKIE_OVERHEAD)
  }

  #literal(indexing: boolean, maxList: number, sink: FieldSink): boolean {
    const index = this.#integer(indexing ? 6 : 4)
    if (index < 0) return false
    let name = ''
    let marks = 0
    let nameSize: number
    if (index > 0) {
      const named = this.#table.at(index)
      if (named === undefined) return false
      ;({ name, marks } = named)
      nameSize = name.length
      // The table's value was malformed; this one need not be.
      if (marks === MALFORMED) marks = this.#isName(name) ? fieldMarks(name) : MALFORMED
    } else {
      if (!this.#string()) return false
      nameSize = this.#stringSize
      if (nameSize <= Math.max(maxList, TABLE_BYTES)) {
        const ok = this.#checkName()
        name = this.#text()
        marks = ok ? fieldMarks(name) : MALFORMED
      }
    }
    if (!this.#string()) return false
    const size = nameSize + this.#stringSize + ENTRY_OVERHEAD
    const fits = this.#listSize + (marks === COOKIE ? this.#stringSize : size) <= maxList
    if (!fits && (!indexing || size > TABLE_BYTES)) {
      if (indexing) this.#table.clear()
      this.#listSize += size
      this.overflowed = true
      return true
    }
    if (!this.#checkValue()) marks = MALFORMED
    const entry = makeEntry(name, this.#text(), marks)
    if (indexing) this.#table.add(entry)
    this.#tell(entry, maxList, sink)
    return true
  }

  /**
   * Reads an integer with a prefix of `bits` (RFC 7541 §5.1). TRUNCATED also when it is larger than any index or
   * length.
   */
  #integer(bits: number): number {
    const mask = (1 << bits) - 1
    if (this.#p >= this.#end) return TRUNCATED
    let value = this.#buffer[this.#p++]! & mask
    if (value < mask) return value
    for (let shift = 0; shift <= 21; shift += 7) {
      if (this.#p >= this.#end) return TRUNCATED
      const byte = this.#buffer[this.#p++]!
      value += (byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
    return TRUNCATED
  }

  /** Reads a string literal (RFC 7541 §5.2). */
  #string(): boolean {
    if (this.#p >= this.#end) return false
    const huffman = (this.#buffer[this.#p]! & 0x80) !== 0
    const length = this.#integer(7)
    const start = this.#p
    if (length < 0 || length > this.#end - start) return false
    this.#p = start + length
    if (!huffman) {
      this.#from = this.#buffer
      this.#stringStart = start
      this.#stringSize = length
      return true
    }
    const out = (scratch ??= Buffer.allocUnsafeSlow(MAX_STRING))
    const size = decodeHuffman(this.#buffer, start, start + length, out)
    if (size === -1) return false
    this.#from = out
    this.#stringStart = 0
    // Counts as larger than any limit.
    this.#stringSize = size === -2 ? Number.MAX_SAFE_INTEGER : size
    return true
  }

  #text(): string {
    return latin1(this.#from as Buffer, this.#stringStart, this.#stringStart + this.#stringSize)
  }

  #checkName(): boolean {
    const from = this.#from
    const end = this.#stringStart + this.#stringSize
    let p = this.#stringStart
    if (from[p] === COLON) p++
    if (p >= end) return false
    for (; p < end; p++) if (NAME[from[p]!] === 0) return false
    return true
  }

  #isName(name: string): boolean {
    let p = name.charCodeAt(0) === COLON ? 1 : 0
    if (p >= name.length) return false
    for (; p < name.length; p++) if (NAME[name.charCodeAt(p)] === 0) return false
    return true
  }

  /** RFC 9113 §8.2.1: no control characters in a value, and no white space around it. */
  #checkValue(): boolean {
    const from = this.#from
    const start = this.#stringStart
    const end = start + this.#stringSize
    if (start === end) return true
    if (isBlank(from[start]!) || isBlank(from[end - 1]!)) return false
    for (let p = start; p < end; p++) if (FIELD_VALUE[from[p]!] === 0) return false
    return true
  }
}
