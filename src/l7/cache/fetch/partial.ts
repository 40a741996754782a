import type { ResponseEntry } from '../entry.ts'
import { type ContentRange, parseContentRange } from '../policy/ranges.ts'
import type { CacheResponse } from '../ports.ts'
import { sameRepresentation } from './storing.ts'

/** Whether `rest` continues at the end of a stored beginning and reaches the end of the same representation. */
export function completes(beginning: ResponseEntry, rest: ResponseEntry): boolean {
  const [one, other] = [beginning.range, rest.range]
  if (one === undefined || other?.complete === undefined) return false
  if (other.first !== one.last + 1 || other.last + 1 !== other.complete) return false
  return sameRepresentation(beginning, rest)
}

/**
 * Which part of the representation a 206 is; undefined where it cannot be placed: its length contradicts its
 * Content-Range (RFC 9110 §14.4). `bytes`: length of the body, where the framing tells it.
 */
export function partOf(response: CacheResponse, bytes: number | undefined): ContentRange | undefined {
  if (isMultipart(response)) return undefined
  const part = parseContentRange(response.headers.get('content-range'))
  if (part === undefined || bytes === undefined) return part
  return bytes === part.last - part.first + 1 ? part : undefined
}

/**
 * multipart/byteranges: the body is not a piece of the representation, whatever Content-Range says (RFC 9110
 * §15.3.7.2).
 */
function isMultipart(response: CacheResponse): boolean {
  return /^multipart\/byteranges\b/i.test(response.headers.get('content-type') ?? '')
}
