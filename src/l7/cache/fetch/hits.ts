import { flat } from '../../../core/flat.ts'
import { BodyReader } from './body-reader.ts'
import { statusHit } from '../decide/cache-status.ts'
import type { Fetch, Hit } from '../decide/decision.ts'
import type { HitLines, ResponseEntry } from '../entry.ts'
import { currentAge } from '../policy/reuse.ts'
import type { ByteRange } from '../policy/ranges.ts'
import { parseRange, resolveRange } from '../policy/ranges.ts'
import { ifRangeHolds, notModified } from '../policy/validators.ts'
import { eachField, without } from '../policy/stored-fields.ts'
import type { CacheRequest, StoredRecord } from '../ports.ts'

/** Complete bodies up to this length are returned as one Buffer, larger ones through a reader. */
export const wholeBodyBytes = 64 * 1024

/** RFC 9110 §15.4.5: the stored fields that a 304 repeats. The client has the others already, except a cookie. */
const notModifiedFields = new Set([
  'cache-control',
  'cdn-cache-control',
  'content-location',
  'date',
  'etag',
  'expires',
  'last-modified',
  'set-cookie',
  'vary'
])

/**
 * Answers this request with a stored response: all of it, a range, 304 or 416. Takes over the record. `cacheStatus`
 * replaces that of a plain hit. Undefined when the stored response cannot answer this request (a range of a body whose
 * length is not known yet, or of another part).
 */
export function hitOf(
  request: CacheRequest,
  entry: ResponseEntry,
  record: StoredRecord,
  refresh: Fetch | undefined,
  cacheStatus: string | undefined,
  now: number
): Hit | undefined {
  const lines = linesOf(entry, cacheStatus, now)
  const headers = request.headers
  if (entry.status === 200 && entry.range === undefined) {
    if (notModified(headers, entry, now))
      return { ...bodiless(record, 304, '', trimmed(lines), undefined, refresh), forms: entry.forms }
    const asked = headers.get('range')
    if (asked !== undefined && request.method === 'GET') {
      const range = ifRangeHolds(headers.get('if-range'), entry, now) ? parseRange(asked) : undefined
      if (range !== undefined) {
        if (record.bytes === undefined) return undefined
        const window = resolveRange(range, record.bytes)
        if (window === undefined) return unsatisfiable(record, lines, record.bytes, refresh)
        return rangeHit(entry, record, lines, window, record.bytes, 0, refresh)
      }
    }
  }
  if (entry.range !== undefined) return partHit(request, entry, record, lines, now)
  const none = request.method === 'HEAD' || entry.status === 204
  if (none)
    return bodiless(
      record,
      entry.status,
      entry.reason,
      lines,
      entry.status === 204 ? undefined : record.bytes,
      refresh
    )
  if (record.state === 'complete' && record.available <= wholeBodyBytes) {
    const body = record.available === 0 ? undefined : record.read(0, record.available)
    const text = record.text
    const hit: Hit = {
      kind: 'hit',
      status: entry.status,
      reason: entry.reason,
      fields: lines.fields,
      cacheStatus: lines.cacheStatus,
      bytes: record.available,
      body,
      text,
      reader: undefined,
      forms: entry.forms,
      refresh
    }
    record.release()
    return hit
  }
  return {
    kind: 'hit',
    status: entry.status,
    reason: entry.reason,
    fields: lines.fields,
    cacheStatus: lines.cacheStatus,
    bytes: record.bytes,
    body: undefined,
    text: undefined,
    reader: new BodyReader(record, 0, record.bytes),
    forms: record.state === 'complete' ? entry.forms : undefined,
    refresh
  }
}

/** Answers a range from a stored part that contains it. A part answers range requests only. */
function partHit(
  request: CacheRequest,
  entry: ResponseEntry,
  record: StoredRecord,
  lines: HitLines,
  now: number
): Hit | undefined {
  const part = entry.range
  const range = parseRange(request.headers.get('range'))
  if (part === undefined || range === undefined || request.method !== 'GET') return undefined
  if (!ifRangeHolds(request.headers.get('if-range'), entry, now)) return undefined
  if (part.complete === undefined && (range.kind === 'suffix' || range.last === undefined)) return undefined
  const window = resolveRange(range, part.complete ?? Infinity)
  if (window === undefined || window.first < part.first || window.last > part.last) return undefined
  return rangeHit(entry, record, lines, window, part.complete, part.first, undefined)
}

function rangeHit(
  entry: ResponseEntry,
  record: StoredRecord,
  lines: HitLines,
  window: ByteRange,
  complete: number | undefined,
  offset: number,
  refresh: Fetch | undefined
): Hit {
  const { fields, cacheStatus } = lines
  const contentRange = `Content-Range: bytes ${window.first}-${window.last}/${complete ?? '*'}\r\n`
  return {
    kind: 'hit',
    status: 206,
    reason: '',
    fields: (entry.range === undefined ? fields : without(fields, 'content-range')) + contentRange,
    cacheStatus,
    bytes: window.last - window.first + 1,
    body: undefined,
    text: undefined,
    reader: new BodyReader(record, window.first - offset, window.last + 1 - offset),
    forms: undefined,
    refresh
  }
}

function unsatisfiable(
  record: StoredRecord,
  lines: HitLines,
  bytes: number,
  refresh: Fetch | undefined
): Hit {
  const kept = trimmed(lines)
  const fields = `${kept.fields}Content-Range: bytes */${bytes}\r\n`
  return bodiless(record, 416, '', { ...kept, fields }, 0, refresh)
}

function bodiless(
  record: StoredRecord,
  status: number,
  reason: string,
  { fields, cacheStatus }: HitLines,
  bytes: number | undefined,
  refresh: Fetch | undefined
): Hit {
  record.release()
  return {
    kind: 'hit',
    status,
    reason,
    fields,
    cacheStatus,
    bytes,
    body: undefined,
    text: undefined,
    reader: undefined,
    forms: undefined,
    refresh
  }
}

function linesOf(entry: ResponseEntry, cacheStatus: string | undefined, now: number): HitLines {
  const age = currentAge(entry, now)
  const second = Math.floor(age / 1000)
  if (cacheStatus !== undefined) return withAge(entry, second, cacheStatus)
  // Age and ttl change once a second, so the lines are made again once a second.
  const { lines } = entry
  if (lines?.second !== second) return (entry.lines = withAge(entry, second, statusHit(entry.lifetime - age)))
  // Worth it from the second use on: what is put together by `+` is walked through, piece by piece, by each write.
  if (!lines.inOnePiece) entry.lines = { ...lines, fields: flat(lines.fields), inOnePiece: true }
  return entry.lines!
}

function withAge(entry: ResponseEntry, second: number, cacheStatus: string): HitLines {
  const fields = `${entry.fields}Age: ${second}\r\nCache-Status: ${cacheStatus}\r\n`
  return { second, fields, cacheStatus, inOnePiece: false }
}

/** The fields that a 304 or 416 repeats, with Age and Cache-Status. */
function trimmed(lines: HitLines): HitLines {
  let fields = ''
  eachField(lines.fields, (name, value) => {
    const lower = name.toLowerCase()
    if (notModifiedFields.has(lower) || lower === 'age' || lower === 'cache-status')
      fields += `${name}: ${value}\r\n`
  })
  return { ...lines, fields }
}
