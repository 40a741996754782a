import type { CacheCore } from '../cache-core.ts'
import { partKey, passErrorMs, passMs, variantOf } from '../cache-core.ts'
import { CombinedWriter, copyBody } from './combined-writer.ts'
import type { ResponseEntry, VaryEntry } from '../entry.ts'
import { encodeEntry, entryOf } from '../entry.ts'
import type { ContentRange } from '../policy/ranges.ts'
import { isStrong, strongMatch } from '../policy/validators.ts'
import { preferredLanguage, unionOfNames, variantKey, varyNames } from '../policy/vary.ts'
import type { CacheRequest, Claim, HeaderView, RecordWriter, StoredRecord } from '../ports.ts'
import { pending } from '../ports.ts'

/** Where a request's response goes: the key of its URL, and the variants known there. */
export interface Place {
  readonly baseKey: string
  readonly marker: VaryEntry | undefined
  /** The key that the request itself looked up: the base key, or that of its variant. */
  readonly key: string
  /** The store's epoch then: what upstream says may be older than a purge that came since. */
  readonly epoch: number
}

/** Languages of variants that one marker remembers. */
const maxLanguages = 32

/** The key of the variant that this request selects. */
export function variantFor(baseKey: string, marker: VaryEntry, headers: HeaderView): string {
  const key = variantOf(baseKey, marker.generation, variantKey(marker.names, headers))
  // A language can be found under other wording, where nothing but the language selects.
  if (marker.names.length !== 1 || marker.names[0] !== 'accept-language') return key
  const language = preferredLanguage(headers)
  return language === undefined ? key : (marker.languages[language] ?? key)
}

/** The record when it is complete and at hand; a store that must wait for it counts as not having it. */
export function peek(core: CacheCore, key: string): StoredRecord | undefined {
  const record = core.store.lookup(key, (late) => late?.release())
  if (record === undefined || record === pending) return undefined
  if (record.state === 'complete') return record
  record.release()
  return undefined
}

/** Begins the record of a complete response. `claim` is the right to fill `place.key`, when the request holds it. */
export function beginResponse(
  core: CacheCore,
  request: CacheRequest,
  place: Place,
  claim: Claim | undefined,
  entry: ResponseEntry,
  vary: string | undefined,
  bytes: number | undefined
): RecordWriter | undefined {
  const names = varyNames(vary) ?? []
  const head = { info: encodeEntry(entry), bytes, tags: entry.tags, epoch: place.epoch }
  const known = place.marker?.names ?? []
  if (place.marker !== undefined ? names.every((name) => known.includes(name)) : names.length === 0) {
    if (place.marker !== undefined) rememberLanguage(core, place, place.marker, place.key, entry)
    return (claim ?? claimed(core, place.key))?.begin(head)
  }
  const marker: VaryEntry = {
    kind: 'vary',
    names: unionOfNames(known, names),
    generation: place.marker?.generation ?? newGeneration(core),
    languages: {}
  }
  const key = variantOf(place.baseKey, marker.generation, variantKey(marker.names, request.headers))
  // The variant is claimed first, so that whoever is woken by the marker finds it under way.
  const variant = claimed(core, key)
  if (place.key === place.baseKey && claim !== undefined) putMarker(claim, place.epoch, marker)
  else {
    putMarker(claimed(core, place.baseKey), place.epoch, marker)
    claim?.abandon()
  }
  rememberLanguage(core, place, marker, key, entry)
  return variant?.begin(head)
}

/** Puts a short-lived note under the key that answers there are not storable, and wakes who waits. */
export function passFor(claim: Claim, epoch: number, status: number, now: number): void {
  const until = now + (status >= 500 ? passErrorMs : passMs)
  const info = encodeEntry({ kind: 'pass', until })
  claim.begin({ info, bytes: 0, tags: [], epoch, note: true })?.finish()
}

/** Replaces the head of a stored response and keeps its body. */
export function rewrite(core: CacheCore, place: Place, entry: ResponseEntry, record: StoredRecord): boolean {
  const bytes = record.available
  const writer = claimed(core, place.key)?.begin({
    info: encodeEntry(entry),
    bytes,
    tags: entry.tags,
    epoch: place.epoch
  })
  if (writer === undefined) return false
  if (copyBody(record, 0, bytes, writer)) return writer.finish()
  writer.abort()
  return false
}

/** Begins the record of a 206, joined with what is stored of the same representation (RFC 9111 §3.4). */
export function beginPart(
  core: CacheCore,
  place: Place,
  claim: Claim | undefined,
  entry: ResponseEntry,
  part: ContentRange
): RecordWriter | undefined {
  const writer = joinPart(core, place, claim, entry, part)
  // Does nothing where the claim was used.
  claim?.abandon()
  return writer
}

function joinPart(
  core: CacheCore,
  place: Place,
  claim: Claim | undefined,
  entry: ResponseEntry,
  part: ContentRange
): RecordWriter | undefined {
  const key = partKey(place.key)
  const record = peek(core, key)
  const stored = record === undefined ? undefined : entryOf(record)
  const old = stored?.kind === 'response' ? stored.range : undefined
  if (record === undefined || old === undefined || !sameRepresentation(stored as ResponseEntry, entry)) {
    record?.release()
    return beginWindow(core, place, key, claim, entry, part)
  }
  if (part.first >= old.first && part.first <= old.last + 1 && part.last > old.last) {
    const writer = beginWindow(core, place, key, claim, entry, { ...part, first: old.first })
    const copied = writer !== undefined && copyBody(record, 0, part.first - old.first, writer)
    record.release()
    if (!copied) writer?.abort()
    return copied ? writer : undefined
  }
  if (part.first < old.first && part.last + 1 >= old.first && part.last < old.last) {
    const writer = beginWindow(core, place, key, claim, entry, { ...part, last: old.last })
    if (writer !== undefined) return new CombinedWriter(writer, record, part.last + 1 - old.first)
  }
  record.release()
  // Apart from the old part, or within it: the newer one is kept when it holds more.
  return part.last - part.first > old.last - old.first
    ? beginWindow(core, place, key, claim, entry, part)
    : undefined
}

function beginWindow(
  core: CacheCore,
  place: Place,
  key: string,
  claim: Claim | undefined,
  entry: ResponseEntry,
  part: ContentRange
): RecordWriter | undefined {
  const bytes = part.last - part.first + 1
  const whole = part.first === 0 && part.last + 1 === part.complete
  const made: ResponseEntry = whole
    ? { ...entry, status: 200, reason: '', range: undefined, fields: withoutRange(entry.fields) }
    : { ...entry, range: part }
  if (whole) core.store.remove(key)
  const right = whole ? (claim ?? claimed(core, place.key)) : claimed(core, key)
  return right?.begin({ info: encodeEntry(made), bytes, tags: entry.tags, epoch: place.epoch })
}

export function sameRepresentation(one: ResponseEntry, other: ResponseEntry): boolean {
  return isStrong(one.etag) && other.etag !== undefined && strongMatch(one.etag, other.etag)
}

export function withoutRange(fields: string): string {
  return fields.replace(/^content-range: .*\r\n/gim, '')
}

function claimed(core: CacheCore, key: string): Claim | undefined {
  const claim = core.store.claim(key, true)
  if (claim === undefined || 'begin' in claim) return claim
  claim.release()
  return undefined
}

function putMarker(claim: Claim | undefined, epoch: number, marker: VaryEntry): void {
  claim?.begin({ info: encodeEntry(marker), bytes: 0, tags: [], epoch, note: true })?.finish()
}

function rememberLanguage(
  core: CacheCore,
  place: Place,
  marker: VaryEntry,
  key: string,
  entry: ResponseEntry
): void {
  if (!marker.names.includes('accept-language')) return
  const language = /^content-language: *([\w-]+) *\r$/im.exec(entry.fields)?.[1]?.toLowerCase()
  if (language === undefined || marker.languages[language] === key) return
  if (Object.keys(marker.languages).length >= maxLanguages) return
  const languages = { ...marker.languages, [language]: key }
  putMarker(claimed(core, place.baseKey), place.epoch, { ...marker, languages })
}

function newGeneration(core: CacheCore): string {
  const word = () => Math.floor(core.random() * 4294967296).toString(36)
  return word() + word()
}
