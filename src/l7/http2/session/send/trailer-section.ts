import type { FieldSink } from '../../hpack/decoder.ts'
import type { TableEntry } from '../../hpack/decoder-table.ts'
import { CONTENT_LENGTH, DROPPED, MALFORMED, OF_CONNECTION, UNKNOWN_PSEUDO } from '../../hpack/field-marks.ts'

/** Reads a trailer section: no pseudo-fields, no hop-by-hop fields (RFC 9113 §8.1). One per thread. */
export class TrailerSection implements FieldSink {
  text = ''
  malformed = false

  begin(): this {
    this.text = ''
    this.malformed = false
    return this
  }

  onField(field: TableEntry): void {
    const kind = field.marks & 0xff
    if (kind <= UNKNOWN_PSEUDO || kind === MALFORMED || kind === OF_CONNECTION) this.malformed = true
    else if (kind !== CONTENT_LENGTH && kind !== DROPPED) this.text += field.line
  }
}
