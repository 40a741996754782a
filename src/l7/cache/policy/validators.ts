import type { HeaderView } from '../ports.ts'
import { parseFirstHttpDate } from './http-date.ts'

/** The validators of a stored response. */
export interface Validators {
  readonly etag: string | undefined
  /** The Last-Modified field as received, to be sent back byte for byte. */
  readonly lastModified: string | undefined
  /** Date of the response in milliseconds. */
  readonly date: number
}

/** RFC 9110 §8.8.3.2: a strong comparison needs two strong tags. */
export function strongMatch(one: string, other: string): boolean {
  return one === other && one.startsWith('"')
}

export function isStrong(etag: string | undefined): etag is string {
  return etag !== undefined && etag.length >= 2 && etag.startsWith('"')
}

function weakMatch(one: string, other: string): boolean {
  return opaque(one) === opaque(other)
}

function opaque(etag: string): string {
  return etag.startsWith('W/') ? etag.slice(2) : etag
}

/** Whether the request has conditions that only the origin may judge (RFC 9110 §13.1.1, §13.1.4). */
export function hasOriginCondition(headers: HeaderView): boolean {
  return headers.get('if-match') !== undefined || headers.get('if-unmodified-since') !== undefined
}

export function isConditional(headers: HeaderView): boolean {
  return headers.get('if-none-match') !== undefined || headers.get('if-modified-since') !== undefined
}

/** RFC 9111 §4.3.2: whether a conditional request is answered 304. */
export function notModified(headers: HeaderView, stored: Validators, now: number): boolean {
  const tags = headers.get('if-none-match')
  if (tags !== undefined) {
    if (tags.trim() === '*') return true
    const etag = stored.etag
    return etag !== undefined && entityTags(tags).some((tag) => weakMatch(tag, etag))
  }
  const since = parseFirstHttpDate(headers.get('if-modified-since'), now)
  if (since === undefined) return false
  return (parseFirstHttpDate(stored.lastModified, now) ?? stored.date) <= since
}

/**
 * RFC 9110 §13.1.5: whether If-Range matches the stored response. A weak tag or a date that is not strong does not
 * match.
 */
export function ifRangeHolds(field: string | undefined, stored: Validators, now: number): boolean {
  if (field === undefined) return true
  if (field.startsWith('"')) return stored.etag !== undefined && strongMatch(field.trim(), stored.etag)
  const date = parseFirstHttpDate(field, now)
  const modified = parseFirstHttpDate(stored.lastModified, now)
  // RFC 9110 §8.8.2.2: a date is strong when it is at least a second older than the response.
  return date !== undefined && modified === date && stored.date - modified >= 1000
}

/** RFC 9111 §4.3.3 and §4.3.4: whether a 304 is about the stored response. A 304 without validators is. */
export function confirms(headers: HeaderView, stored: Validators, now: number): boolean {
  const etag = headers.get('etag')
  if (etag !== undefined) return stored.etag === undefined || weakMatch(etag, stored.etag)
  const modified = parseFirstHttpDate(headers.get('last-modified'), now)
  if (modified === undefined || stored.lastModified === undefined) return true
  return parseFirstHttpDate(stored.lastModified, now) === modified
}

/** The members of If-None-Match, at most 128; commas within quotes belong to the tag. */
function entityTags(field: string): string[] {
  return (field.match(/(?:W\/)?"[^"]*"|[^\s,]+/g) ?? []).slice(0, 128)
}
