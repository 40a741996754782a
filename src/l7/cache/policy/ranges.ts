/** Offsets of the first and the last byte, both included. */
export interface ByteRange {
  readonly first: number
  readonly last: number
}

/** What a Range field asks of a representation whose length may be unknown. */
export type RangeRequest =
  | { readonly kind: 'from'; readonly first: number; readonly last: number | undefined }
  | { readonly kind: 'suffix'; readonly length: number }

/**
 * Parses one byte range. Several ranges, other units and malformed fields give undefined: the field is then ignored.
 * RFC 9110 §14.2 allows that, and several ranges are a way to overload servers (§17.15).
 */
export function parseRange(field: string | undefined): RangeRequest | undefined {
  const match = /^bytes=\s*(\d{0,15})-(\d{0,15})\s*$/i.exec(field ?? '')
  if (match === null) return undefined
  if (match[1] === '') return match[2] === '' ? undefined : { kind: 'suffix', length: Number(match[2]) }
  const first = Number(match[1])
  const last = match[2] === '' ? undefined : Number(match[2])
  return last !== undefined && last < first ? undefined : { kind: 'from', first, last }
}

/** The bytes of the range in a representation of `length` bytes; undefined when there are none: 416. */
export function resolveRange(range: RangeRequest, length: number): ByteRange | undefined {
  if (range.kind === 'suffix') {
    if (range.length === 0 || length === 0) return undefined
    return { first: Math.max(0, length - range.length), last: length - 1 }
  }
  if (range.first >= length) return undefined
  return { first: range.first, last: Math.min(range.last ?? Infinity, length - 1) }
}

export interface ContentRange extends ByteRange {
  /** Length of the complete representation; undefined when the sender did not know ("*"). */
  readonly complete: number | undefined
}

export function parseContentRange(field: string | undefined): ContentRange | undefined {
  const match = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)$/i.exec(field ?? '')
  if (match === null) return undefined
  const first = Number(match[1])
  const last = Number(match[2])
  const complete = match[3] === '*' ? undefined : Number(match[3])
  if (last < first || (complete !== undefined && last >= complete)) return undefined
  return { first, last, complete }
}
