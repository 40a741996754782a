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
  /** For an entry made from a 206: which part of the representation the body is. */
  readonly range: ContentRange | undefined
  /** From Surrogate-Key and Cache-Tag, at most 64. */
  readonly tags: readonly string[]
  /** `name: value\r\n` for each field. */
  readonly fields: string
  /** Identifies the stored body. It changes when another body is stored; a 304 changes the entry and keeps it. */
  readonly bodyId: string
  /** Encoded forms of the body, set by the lookup; not stored. */
  forms?: StoredForms | undefined
  /** Kept by `hitOf` alone; not stored. */
  lines?: HitLines | undefined
}

/** What a hit sends before its body, which changes once a second. */
export interface HitLines {
  /** Its age. */
  readonly second: number
  /** The stored fields with Age and Cache-Status. */
  readonly fields: string
  readonly cacheStatus: string
  /** The text of `fields` lies in one piece of memory. */
  readonly inOnePiece: boolean
}

/** Stored under a URL whose responses vary; each variant is stored under a key of its own. */
export interface VaryEntry {
  readonly kind: 'vary'
  readonly names: readonly string[]
  /** Part of the variants' keys, so that a new VaryEntry makes the old variants unreachable. */
  readonly generation: string
  /**
   * Content-Language of a variant and its key, at most 32, so that clients find a language whatever else they accept.
   */
  readonly languages: readonly (readonly [language: string, key: string])[]
}

/**
 * Hit-for-miss: responses here are not storable, so requests do not wait for each other until `until` (wall
 * milliseconds).
 */
export interface PassEntry {
  readonly kind: 'pass'
  readonly until: number
}

export type Entry = ResponseEntry | VaryEntry | PassEntry

/** The first line is JSON; the fields follow as they are sent. */
export function encodeEntry(entry: Entry): string {
  if (entry.kind !== 'response') return `${escapeWide(JSON.stringify(entry))}\n`
  const { fields, lines: _lines, forms: _forms, ...rest } = entry
  return `${escapeWide(JSON.stringify(rest))}\n${fields}`
}

/** The entry of a record with a head, parsed once per hot record. Undefined when it cannot be parsed. */
export function entryOf(record: StoredRecord): Entry | undefined {
  const entry = (record.parsed ??= decodeEntry(record.info)) as Entry | undefined
  const { staleAt } = record
  return staleAt === 0 || entry?.kind !== 'response' ? entry : staleSince(entry, staleAt)
}

/**
 * The entry with a lifetime that ends at `staleAt` (steadyNow), if it does not end before. It stays above 0: what never
 * had a lifetime is never used unseen.
 */
export function staleSince(entry: ResponseEntry, staleAt: number): ResponseEntry {
  const age = entry.initialAge + Math.max(0, staleAt - entry.storedAt)
  if (entry.lifetime <= age) return entry
  return { ...entry, lifetime: age + 1, initialAge: entry.initialAge + 1, lines: undefined }
}

export function decodeEntry(info: string): Entry | undefined {
  const end = info.indexOf('\n')
  if (end < 0) return undefined
  const facts = JSON.parse(info.slice(0, end)) as Entry
  return facts.kind === 'response' ? { ...facts, fields: info.slice(end + 1) } : facts
}

/** Stores hold latin1. Fields of HTTP are latin1 already, so this is only a safeguard. */
function escapeWide(json: string): string {
  return json.replace(/[\u0100-\uffff]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
