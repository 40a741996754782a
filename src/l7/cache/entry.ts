import type { Reusable } from './policy/reuse.ts'
import type { Validators } from './policy/validators.ts'
import type { ContentRange } from './policy/ranges.ts'
import type { StoredRecord } from './ports.ts'
import type { StoredForms } from './forms/stored-forms.ts'

/** A stored response, parsed out of a record. */
export interface ResponseEntry extends Reusable, Validators {
  readonly kind: 'response'
  readonly status: number
  readonly reason: string
  /** What the body is of the whole, for an entry made of a 206. */
  readonly range: ContentRange | undefined
  /** Surrogate-Key and Cache-Tag, lower limit 0, upper 64. */
  readonly tags: readonly string[]
  /** `name: value\r\n` for each field. */
  readonly fields: string
  /** Names the stored body: another one, once another is stored in its place. A 304 changes the entry and leaves it. */
  readonly bodyId: string
  /** Other forms of the body, written by the lookup; not stored. */
  forms?: StoredForms | undefined
  /** The fields with Age and Cache-Status as of `linesSecond`, kept by `hitOf` alone; not stored. */
  lines?: string | undefined
  linesSecond?: number
}

/** Stands at a URL whose answers vary: the variants lie under keys of their own. */
export interface VaryEntry {
  readonly kind: 'vary'
  readonly names: readonly string[]
  /** Part of the variants' keys, so that a new VaryEntry makes the old variants unreachable. */
  readonly generation: string
  /** Content-Language of a variant and its key, at most 32, so that a language can be found however it was asked for. */
  readonly languages: readonly (readonly [language: string, key: string])[]
}

/** Hit-for-miss: answers are not storable, so nobody waits for anybody until `until` (wall milliseconds). */
export interface PassEntry {
  readonly kind: 'pass'
  readonly until: number
}

export type Entry = ResponseEntry | VaryEntry | PassEntry

/** First line JSON, then the fields as they are sent. */
export function encodeEntry(entry: Entry): string {
  if (entry.kind !== 'response') return `${escapeWide(JSON.stringify(entry))}\n`
  const { fields, lines: _lines, linesSecond: _second, forms: _forms, ...rest } = entry
  return `${escapeWide(JSON.stringify(rest))}\n${fields}`
}

/** The entry of a record with a head, parsed once per hot record. Undefined when it cannot be read. */
export function entryOf(record: StoredRecord): Entry | undefined {
  if (record.memo !== undefined) return record.memo as Entry
  const entry = decodeEntry(record.info)
  record.memo = entry
  return entry
}

export function decodeEntry(info: string): Entry | undefined {
  const end = info.indexOf('\n')
  if (end < 0) return undefined
  const facts = JSON.parse(info.slice(0, end)) as Entry
  return facts.kind === 'response' ? { ...facts, fields: info.slice(end + 1) } : facts
}

/** Stores keep latin1; fields of HTTP are latin1 already, so this is for safety only. */
function escapeWide(json: string): string {
  return json.replace(/[\u0100-\uffff]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
