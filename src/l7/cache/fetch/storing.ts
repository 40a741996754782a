import type { CacheCore } from '../cache-core.ts'
import { partKey, passErrorMs, passMs, variantOf } from '../cache-core.ts'
import { CountedWriter } from './counted-writer.ts'
import { CombinedWriter, copyBody } from './combined-writer.ts'
import type { ResponseEntry, VaryEntry } from '../entry.ts'
import { encodeEntry, entryOf } from '../entry.ts'
import type { Freshened } from './make-entry.ts'
import type { ContentRange } from '../policy/ranges.ts'
import { isForOneUser } from '../policy/storable.ts'
import { isStrong, strongMatch } from '../policy/validators.ts'
import { preferredLanguage, unionOfNames, variantKey, varyNames } from '../policy/vary.ts'
import type { CacheRequest, CacheResponse, Claim, RecordWriter, StoredRecord } from '../ports.ts'

/** Where the response to a request is stored: the key of its URL, and the variants known there. */
export interface Place {
  readonly baseKey: string
  readonly marker: VaryEntry | undefined
  /** The key that the request looked up: the base key, or that of its variant. */
  readonly key: string
  /** The store's epoch of the base key at that time: a purge that comes later makes the response too old to store. */
  readonly epoch: number
  /** When upstream was asked. Undefined: after upstream had confirmed a change, so nothing is newer. */
  readonly askedAt: number | undefined
}

/** Languages of variants that one vary marker remembers. */
const maxLanguages = 32

/** The key of the variant that this request selects. */
export function variantFor(baseKey: string, marker: VaryEntry, request: CacheRequest): string {
  const key = variantOf(baseKey, marker.generation, variantKey(marker.names, request))
  // A language can be found under another Accept-Language, as long as no other field selects.
  if (marker.names.length !== 1 || marker.names[0] !== 'accept-language') return key
  const language = preferredLanguage(request)
  return language === undefined ? key : (keyOfLanguage(marker, language) ?? key)
}

function keyOfLanguage({ languages }: VaryEntry, wanted: string): string | undefined {
  for (let i = 0; i < languages.length; i++) if (languages[i]![0] === wanted) return languages[i]![1]
  return undefined
}

/** The record, when it is complete and in memory; where a remote tier would have to be asked, undefined. */
export function peek(core: CacheCore, key: string): StoredRecord | undefined {
  const record = core.store.peek(key)
  if (record === undefined) return undefined
  if (record.state === 'complete') return record
  record.release()
  return undefined
}

/** Where a response is stored, and the claim to fill that, when the request holds one. */
export interface Home {
  readonly place: Place
  readonly claim: Claim | undefined
}

/**
 * Where a response that varies by `vary` is stored: at the key of the request, or at a variant that was not known when
 * the request was looked up. Undefined when `vary` and the other variants of the URL name too many fields together (RFC
 * 9111 §4.1: all of them count).
 */
export function homeOf(
  core: CacheCore,
  request: CacheRequest,
  { place, claim }: Home,
  entry: ResponseEntry,
  vary: string | undefined
): Home | undefined {
  // Other requests may have stored variants since. If the marker is gone it may have been invalidated, with its
  // variants.
  const current = markerAt(core, place.baseKey)
  const known = current?.names ?? []
  const names = unionOfNames(known, varyNames(vary) ?? [])
  if (names === undefined) return undefined
  if (names.length === 0) return { place, claim }
  const grown = current === undefined || names.length > known.length
  const marker: VaryEntry = grown
    ? { kind: 'vary', names, generation: current?.generation ?? newId(core), languages: [] }
    : current
  const own = place.marker
  if (!grown && own?.generation === marker.generation && own.names.length === names.length) {
    rememberLanguage(core, place, marker, place.key, entry)
    return { place, claim }
  }
  const key = variantOf(place.baseKey, marker.generation, variantKey(names, request))
  // The variant is claimed before the marker is published, so that waiters woken by the marker find the fill.
  const variant = claimed(core, key)
  if (grown && place.key === place.baseKey && claim !== undefined) putMarker(claim, place, marker)
  else {
    if (grown) putMarker(claimed(core, place.baseKey), place, marker)
    claim?.abandon()
  }
  rememberLanguage(core, place, marker, key, entry)
  return { place: { ...place, marker, key }, claim: variant }
}

/** Whether the key of `place` still tells responses apart by everything that `vary` names. */
function isToldApart(place: Place, vary: string | undefined): boolean {
  const known = place.marker?.names ?? []
  return varyNames(vary)?.every((name) => known.includes(name)) === true
}

/** Begins the record of a complete response. */
export function beginResponse(
  core: CacheCore,
  { place, claim }: Home,
  entry: ResponseEntry,
  bytes: number | undefined
): RecordWriter | undefined {
  const { epoch, askedAt } = place
  const head = { info: encodeEntry(entry), bytes, tags: entry.tags, epoch, askedAt }
  return counted(core, (claim ?? claimed(core, place.key))?.begin(head))
}

function markerAt(core: CacheCore, baseKey: string): VaryEntry | undefined {
  const record = peek(core, baseKey)
  const entry = record === undefined ? undefined : entryOf(record)
  record?.release()
  return entry?.kind === 'vary' ? entry : undefined
}

/** Stores a short-lived note that responses under this key are not storable, and wakes the waiters. */
export function passFor(claim: Claim, { epoch, askedAt }: Place, status: number, now: number): void {
  const until = now + (status >= 500 ? passErrorMs : passMs)
  const info = encodeEntry({ kind: 'pass', until })
  claim.begin({ info, bytes: 0, tags: [], epoch, askedAt, note: true })?.finish()
}

/** What a 304 or a HEAD makes of a stored response: a new head, or the response is removed. */
export function renew(
  core: CacheCore,
  request: CacheRequest,
  place: Place,
  { entry, directives }: Freshened,
  response: CacheResponse,
  record: StoredRecord
): void {
  const vary = response.headers.get('vary')
  const apart = vary === undefined || isToldApart(place, vary)
  if (directives.noStore || directives.private || !apart) core.store.remove(place.key)
  else if (!isForOneUser(request, directives)) rewrite(core, place, entry, record)
}

/** Replaces the head of a stored response and keeps its body. */
function rewrite(core: CacheCore, place: Place, entry: ResponseEntry, record: StoredRecord): boolean {
  const bytes = record.available
  const writer = claimed(core, place.key)?.begin({
    info: encodeEntry(entry),
    bytes,
    tags: entry.tags,
    epoch: place.epoch,
    askedAt: place.askedAt
  })
  if (writer === undefined) return false
  if (copyBody(record, 0, bytes, writer)) return writer.finish()
  writer.abort()
  return false
}

/** Begins the record of a 206, joined with a stored part of the same representation (RFC 9111 §3.4). */
export function beginPart(
  core: CacheCore,
  { place, claim }: Home,
  entry: ResponseEntry,
  part: ContentRange
): RecordWriter | undefined {
  const writer = joinPart(core, place, claim, entry, part)
  // Does nothing where the claim was used already.
  claim?.abandon()
  return counted(core, writer)
}

function counted({ counters }: CacheCore, writer: RecordWriter | undefined): RecordWriter | undefined {
  return writer && new CountedWriter(writer, counters)
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
  // The new part does not touch the old one, or lies within it: keep the longer one.
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
  const { epoch, askedAt } = place
  return right?.begin({ info: encodeEntry(made), bytes, tags: entry.tags, epoch, askedAt })
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

function putMarker(claim: Claim | undefined, { epoch, askedAt }: Place, marker: VaryEntry): void {
  const info = encodeEntry(marker)
  claim?.begin({ info, bytes: 0, tags: [], epoch, askedAt, note: true })?.finish()
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
  if (language === undefined || keyOfLanguage(marker, language) === key) return
  const others = marker.languages.filter(([known]) => known !== language)
  if (others.length >= maxLanguages) return
  const languages = [...others, [language, key] as const]
  putMarker(claimed(core, place.baseKey), place, { ...marker, languages })
}

/** A new id for a body or a generation, different from all earlier ones. */
export function newId(core: CacheCore): string {
  const word = () => Math.floor(core.random() * 4294967296).toString(36)
  return word() + word()
}
